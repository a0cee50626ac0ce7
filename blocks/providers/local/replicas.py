"""The server processes of one endpoint: started, found again, and told to leave."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from blocks.contracts import Frozen
from blocks.providers.local.desired import DesiredVariant, EndpointFolder
from blocks.providers.local.paths import path_of
from blocks.providers.local.processes import Identity, alive, spawn
from blocks.serving.config import ENDPOINT_TOKEN, INTERNAL_TOKEN, ServerConfig

LOG_TAIL = 600  # characters of a dead replica's log that are worth showing


class Replica(Frozen):
    """One server process of a variant."""

    variant: str
    backend: str  # the router's backend that its variant has
    server: str  # and its server in there, s1 to s16
    identity: Identity
    started: float

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.variant}.{self.backend}.{self.server}"


class Replicas:
    """All server processes of an endpoint. They outlive whoever started them."""

    def __init__(self, folder: EndpointFolder, *, owner: str, endpoint_token: str) -> None:
        self._folder, self._owner, self._token = folder, owner, endpoint_token
        self._root = folder.path / "replicas"
        self._root.mkdir(parents=True, exist_ok=True)

    def known(self) -> Iterator[Replica]:
        """Yield every replica that was started and not yet cleared away, dead ones included."""
        return replicas_of(self._folder)

    def start(self, desired: DesiredVariant, server: str) -> Replica:
        """Start one more server of a variant."""
        request, backend = desired.request, desired.backend
        place = self._root / f"{request.variant}.{backend}.{server}"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        config = ServerConfig(
            endpoint=request.endpoint,
            variant=request.variant,
            replica=f"{backend}-{server}",
            model=request.model,
            model_folder=path_of(request.model.uri),
            state=place,
            telemetry=self._folder.telemetry,
            mirror=self._folder.mirror,
            serving=request.serving,
            capture=request.capture,
        )
        (place / "server.json").write_text(config.model_dump_json())
        identity = spawn(
            [sys.executable, "-m", "blocks.serving", "--config", str(place / "server.json")],
            owner=self._owner,
            resource=f"endpoint/{request.endpoint}",
            log=place / "log",
            env={
                "OMP_NUM_THREADS": "1",  # one row at a time gains nothing from more
                **request.env,
                ENDPOINT_TOKEN: self._token,
                INTERNAL_TOKEN: self._folder.internal_token(),
                "PYTHONPATH": os.pathsep.join(filter(None, (_packages(), _inherited()))),
            },
        )
        replica = Replica(
            variant=request.variant,
            backend=backend,
            server=server,
            identity=identity,
            started=time.time(),
        )
        draft = place / ".replica.json"
        draft.write_text(replica.model_dump_json())
        draft.rename(place / "replica.json")
        return replica

    def port(self, replica: Replica) -> int | None:
        """Return the port a replica listens on, once it does."""
        with contextlib.suppress(OSError, ValueError):
            return int((self._root / replica.name / "port").read_text())
        return None

    def lives(self, replica: Replica) -> bool:
        """Whether its process runs."""
        return alive(replica.identity)

    def leave(self, replica: Replica) -> None:
        """Ask a replica to answer what it has and go."""
        if alive(replica.identity):
            with contextlib.suppress(ProcessLookupError):
                os.kill(replica.identity.pid, signal.SIGTERM)

    def last_words(self, replica: Replica) -> str:
        """Return the end of its log."""
        with contextlib.suppress(OSError):
            text = (self._root / replica.name / "log").read_text(errors="replace")
            return text[-LOG_TAIL:].strip()
        return ""

    def clear(self, replica: Replica) -> None:
        """Forget a replica that is dead."""
        shutil.rmtree(self._root / replica.name, ignore_errors=True)


def replicas_of(folder: EndpointFolder) -> Iterator[Replica]:
    """Yield every replica of an endpoint that was started and not yet cleared away."""
    for file in sorted((folder.path / "replicas").glob("*/replica.json")):
        with contextlib.suppress(FileNotFoundError):  # cleared away just now
            yield Replica.model_validate_json(file.read_text())


def _packages() -> str:
    return str(Path(__file__).parents[3])


def _inherited() -> str:
    return os.environ.get("PYTHONPATH", "")
