"""Starting an emulated cloud in a process of its own, and talking to its levers.

Imports nothing that an emulator is built on: only the emulator's own process does.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import httpx
import psutil

from blocks.emulation import zygotes
from blocks.emulation.control_word import word_of
from blocks.emulation.supervision import Supervision

ADDRESS = "emulator.json"  # the file in which an emulator says where it listens
_HOME = Path(__file__).resolve().parents[2]
_START = 600.0  # seconds; importing an emulator under load takes its time


class NotStarted(TimeoutError):
    """The emulator did not come up; its log says why."""


class Emulator:
    """An emulated cloud that runs: its URL, its process, and its levers.

    ``told`` is what it wrote into its address besides; where that names a ``ca``, its certificate
    is of that authority; where not, the URL is plain HTTP.
    """

    training: ClassVar[str] = ""  # what the names of containers of training jobs begin with

    def __init__(self, folder: Path, *, url: str, pid: int, **told: Any) -> None:
        self.folder, self.url, self.pid, self.told = folder, url, pid, told
        trusted = ssl.create_default_context(cafile=told["ca"]) if "ca" in told else False
        word = {"Authorization": f"Bearer {word_of(folder)}"}
        self._http = httpx.Client(
            base_url=url, timeout=60, trust_env=False, verify=trusted, headers=word
        )

    def pull(self, lever: str, **said: Any) -> Any:
        """Pull a lever by name. Raises ValueError with what the emulator says against it."""
        answer = self._http.post(f"/_emulator/{lever}", json=said)
        value = answer.json()
        if answer.is_error:
            raise ValueError(value["error"])
        return value

    def fault(self, name: str, *, call: str = "*", subject: str = "*", times: int = 1) -> None:
        """Let a fault come; one that the cloud does not have is answered with those it has."""
        self.pull("fault", name=name, call=call, subject=subject, times=times)

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        self.pull("advance", seconds=seconds)

    def calls(self, call: str | None = None) -> list[dict[str, Any]]:
        """Return the calls that were made, oldest first."""
        found: list[dict[str, Any]] = self.pull("calls", **({"call": call} if call else {}))
        return found

    def unknown(self) -> list[dict[str, Any]]:
        """Return the calls that nothing here could answer. A test ends with none."""
        found: list[dict[str, Any]] = self.pull("unknown")
        return found

    def running(self) -> list[dict[str, Any]]:
        """Return the live containers: name, pid, folder."""
        found: list[dict[str, Any]] = self.pull("running")
        return found

    def uptimes(self) -> list[dict[str, Any]]:
        """Return when each container ran: name, began and ended (None: it runs), by its clock."""
        found: list[dict[str, Any]] = self.pull("uptimes")
        return found

    def training_jobs(self) -> list[str]:
        """Return the ids of the training jobs that have a machine now."""
        parts = [str(each["name"]).split("/") for each in self.running()]
        return sorted({name for kind, name, *_ in parts if kind == self.training})

    def end(self) -> None:
        """End it with everything that runs in it."""
        self._http.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
            while alive(self.pid):
                time.sleep(0.01)


K = TypeVar("K", bound=Emulator)


@contextmanager
def emulated(
    kind: type[K],
    package: str,
    folder: Path,
    settings: Mapping[str, Any],
    *,
    preloaded: bool = False,
) -> Iterator[K]:
    """Start the emulator that ``python -m package`` is, and end it after, should we be killed too.

    It takes its settings as options of their names; ``preloaded`` starts further ones at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    supervision = Supervision()
    if preloaded:
        zygotes.ask(package, {"folder": str(folder.absolute()), "settings": dict(settings)})
        lives = partial(zygotes.lives, package)
    else:
        process = _started(package, folder, settings)
        supervision.tell([process.pid])
        lives = partial(alive, process.pid)
    found = kind(folder, **_waited(folder, lives))
    try:
        yield found
    finally:
        found.end()
        supervision.end()


def _started(package: str, folder: Path, settings: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    options = [f"--{name}={value}" for name, value in settings.items()]
    with (folder / "emulator.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", package, f"--folder={folder.absolute()}", *options],
            cwd=_HOME,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _waited(folder: Path, lives: Callable[[], bool]) -> dict[str, Any]:
    end = time.monotonic() + _START
    while not (folder / ADDRESS).exists():
        if time.monotonic() > end or not lives():
            raise NotStarted(f"no emulator in {folder}; see {folder / 'emulator.log'}")
        time.sleep(0.01)
    told: dict[str, Any] = json.loads((folder / ADDRESS).read_text())
    return told


def alive(pid: int) -> bool:
    """Whether a process runs. A zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
