"""Starting an emulated account in a process of its own, and talking to its levers.

Imports neither moto nor boto3: only the account's own process does.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil

CONTAINERS = "ASIAEXECUTIONROLE"  # the key by which containers call
_HOME = Path(__file__).resolve().parents[4]
_ADDRESS = "emulator.json"
_START = 180.0  # seconds; importing moto under load takes its time


class NotStarted(TimeoutError):
    """The emulator did not come up; its log says why."""


class Account:
    """An emulated account that runs: its URL, its process, and its levers."""

    def __init__(self, folder: Path, *, url: str, pid: int, region: str) -> None:
        self.folder, self.url, self.pid, self.region = folder, url, pid, region
        self._http = httpx.Client(base_url=url, timeout=60, trust_env=False)

    def pull(self, lever: str, **said: Any) -> Any:
        """Pull a lever by name. Raises ValueError with what the emulator says against it."""
        answer = self._http.post(f"/_emulator/{lever}", json=said)
        value = answer.json()
        if answer.is_error:
            raise ValueError(value["error"])
        return value

    def fault(self, name: str, *, call: str = "*", subject: str = "*", times: int = 1) -> None:
        """Let a fault come; see ``faults.REFUSALS`` and ``faults.BEHAVIOURS`` for the names."""
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

    def training_jobs(self) -> list[str]:
        """Return the names of the training jobs that have a machine now."""
        parts = [str(each["name"]).split("/") for each in self.running()]
        return sorted({name for kind, name, *_ in parts if kind == "training-job"})

    def end(self) -> None:
        """End it with everything that runs in it."""
        self._http.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
            while _alive(self.pid):
                time.sleep(0.01)


@contextmanager
def account(folder: Path, *, preloaded: bool = False, **settings: Any) -> Iterator[Account]:
    """Start an emulated account and end it after; ``preloaded`` starts further ones at once.

    ``settings`` are those of ``world.Settings``: region, speed, grace, provisioning.
    """
    folder.mkdir(parents=True, exist_ok=True)
    asked = {"folder": str(folder.absolute()), "settings": settings}
    if preloaded:
        _told(_zygote(), asked)
        found = _waited(folder)
    else:
        process = _started(folder, settings)
        found = _waited(folder, process)
    try:
        yield found
    finally:
        found.end()


def _started(folder: Path, settings: dict[str, Any]) -> subprocess.Popen[bytes]:
    options = [f"--{name}={value}" for name, value in settings.items()]
    with (folder / "emulator.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", __package__, f"--folder={folder.absolute()}", *options],
            cwd=_HOME,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


@functools.cache
def _zygote() -> subprocess.Popen[str]:
    """Start the one process from which worlds are forked; it ends with this one."""
    process = subprocess.Popen(
        [sys.executable, "-m", __package__, "--zygote"],
        cwd=_HOME,
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    atexit.register(_close, process)
    return process


def _close(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait()


def _told(zygote: subprocess.Popen[str], asked: dict[str, Any]) -> None:
    if zygote.stdin is None:
        raise NotStarted("the zygote has no input")
    zygote.stdin.write(json.dumps(asked) + "\n")
    zygote.stdin.flush()


def _waited(folder: Path, process: subprocess.Popen[bytes] | None = None) -> Account:
    end = time.monotonic() + _START
    while not (folder / _ADDRESS).exists():
        if time.monotonic() > end or (process is not None and process.poll() is not None):
            raise NotStarted(f"no emulator in {folder}; see {folder / 'emulator.log'}")
        time.sleep(0.01)
    told = json.loads((folder / _ADDRESS).read_text())
    return Account(folder, **told)


def _alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
