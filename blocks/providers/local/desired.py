"""What an endpoint should be, and what it is: two files, each replaced whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

from blocks.contracts import Frozen, Mirror, Traffic, VariantRequest
from blocks.providers.local.processes import Identity

T = TypeVar("T", bound=Frozen)


class DesiredVariant(Frozen):
    """A variant that was asked for."""

    request: VariantRequest
    token: str
    backend: str  # the router's backend that it has for as long as it lives
    started: float  # seconds since the epoch


class Desired(Frozen):
    """What an endpoint should be. Every change makes a new revision."""

    revision: int = 0
    variants: Mapping[str, DesiredVariant] = {}
    percent: Mapping[str, int] = {}
    mirror: Mirror | None = None
    moves: int = 0  # how often traffic was moved
    moved: int = 0  # the revision that the last move has made

    def traffic(self) -> Traffic:
        """Return the split."""
        return Traffic(percent=self.percent, mirror=self.mirror, etag=self.etag)

    @property
    def etag(self) -> str:
        """What `shift` compares: the split itself, not what was deployed beside it."""
        mirror = f"{self.mirror.variant}:{self.mirror.percent}" if self.mirror else ""
        shares = ",".join(f"{name}:{share}" for name, share in sorted(self.percent.items()))
        return f"{self.moves}|{shares}|{mirror}"


class ObservedVariant(Frozen):
    """How a variant is doing."""

    started: float = 0.0  # of the variant that this is about: names are used again
    ready: int = 0
    deaths: int = 0  # since it was last ready
    message: str = ""  # the end of the log of the last replica that died
    ever_ready: bool = False


class Observed(Frozen):
    """What an endpoint is, as its supervisor saw it last."""

    revision: int = -1  # the newest revision that the router carries out
    port: int = 0
    router: Identity | None = None
    variants: Mapping[str, ObservedVariant] = {}
    problem: str = ""

    def of(self, wanted: DesiredVariant) -> ObservedVariant | None:
        """Return how this variant is doing; None if the supervisor has not seen it yet."""
        found = self.variants.get(wanted.request.variant)
        return found if found is not None and found.started == wanted.started else None


class EndpointFolder:
    """The files of one endpoint."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.slots, self.map = path / "slots.map", path / "variants.map"
        self.limits = path / "limits.map"
        self.mirror = path / "mirror.json"
        self.telemetry = path / "telemetry"

    @property
    def exists(self) -> bool:
        """Whether anything was ever deployed here."""
        return (self.path / "desired.json").exists()

    def desired(self) -> Desired:
        """Read what the endpoint should be."""
        return _read(self.path / "desired.json", Desired)

    def observed(self) -> Observed:
        """Read what it is."""
        return _read(self.path / "observed.json", Observed)

    def observe(self, observed: Observed) -> None:
        """Write down what it is."""
        _write(self.path / "observed.json", observed)

    @contextmanager
    def changing(self) -> Iterator[list[Desired]]:
        """Change what it should be, alone: append the new value to the list that is yielded."""
        self.path.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path / "lock"):
            now = self.desired()
            box = [now]
            yield box
            if box[-1] is not now:
                changed = box[-1].model_copy(update={"revision": now.revision + 1})
                box.append(changed)
                _write(self.path / "desired.json", changed)

    def internal_token(self) -> str:
        """Return the word by which our own requests are known; only this user can read it."""
        file = self.path / "internal"
        with FileLock(self.path / "internal.lock"):
            if not file.exists():
                draft = file.with_name(".internal")
                descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "w") as out:
                    out.write(secrets.token_hex(16))
                draft.replace(file)
        return file.read_text()


def _read(file: Path, kind: type[T]) -> T:
    try:
        return kind.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return kind()


def _write(file: Path, value: Frozen) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(value.model_dump_json())
    draft.replace(file)
