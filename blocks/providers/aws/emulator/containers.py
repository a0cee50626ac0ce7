"""Containers as processes of this machine: a folder stands for /opt/ml, a group for the cgroup."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from blocks.providers.aws.emulator.clock import Clock

MOUNT = "/opt/ml"
_HOME = Path(__file__).resolve().parents[4]
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")


class Container:
    """One running container."""

    def __init__(
        self, name: str, folder: Path, process: subprocess.Popen[bytes], log: Callable[[str], None]
    ) -> None:
        self.name, self.folder, self._process = name, folder, process
        self._lock, self._ended = threading.Lock(), False
        self._reader = threading.Thread(target=self._read, args=(log,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Id of the process, and of its group."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit status, or None while the command runs."""
        return self._process.poll()

    def stop(self, clock: Clock, *, grace: float) -> int:
        """Send SIGTERM, and SIGKILL after so many of the cloud's seconds; return the status."""
        self._signal(signal.SIGTERM)
        end, never = clock.now() + grace, threading.Event()
        while self.poll() is None and clock.now() < end:
            clock.wait(never, until=min(end, clock.now() + 0.02))
        return self.end()

    def end(self) -> int:
        """Kill whatever is left of the group; return when its last word was read."""
        if not self._ended:  # else the number may be somebody else's by now
            self._signal(signal.SIGKILL)
        status = self._process.wait()
        self._ended = True
        self._reader.join(timeout=10)
        return status

    def _signal(self, number: signal.Signals) -> None:
        # As a container runtime does: SIGTERM goes to the command alone, SIGKILL to everything.
        send = os.killpg if number == signal.SIGKILL else os.kill
        with contextlib.suppress(ProcessLookupError), self._lock:
            send(self.pid, number)

    def _read(self, log: Callable[[str], None]) -> None:
        stream = self._process.stdout
        if stream is not None:
            with stream:
                for line in stream:
                    log(line.decode(errors="replace").rstrip("\n"))


class Containers:
    """Every container of a cloud."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._all: list[Container] = []
        self._over = False

    def run(
        self,
        name: str,
        folder: Path,
        command: Sequence[str],
        env: Mapping[str, str],
        log: Callable[[str], None],
    ) -> Container:
        """Start a command. Paths below /opt/ml in its environment mean ``folder``.

        ``python`` is ours, and so is the ``blocks`` package that the image would hold.
        """
        program, *arguments = command
        python = program in ("python", "python3")
        with self._lock:  # none may be between being started and being known when all are ended
            process = subprocess.Popen(
                [sys.executable if python else program, *arguments],
                cwd=folder,
                env=_environment(folder, env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            return self.keep(Container(name, folder, process, log))

    def keep(self, container: Container) -> Container:
        """Know of one that was started elsewhere, and end it with the others."""
        with self._lock:
            self._all = [each for each in self._all if each.poll() is None] + [container]
            if self._over:
                container.end()
        return container

    def alive(self) -> list[Container]:
        """Return the containers whose command runs."""
        with self._lock:
            return [each for each in self._all if each.poll() is None]

    def end(self) -> None:
        """Kill them all, and whatever is started after."""
        with self._lock:
            self._over = True
        for each in self.alive():
            each.end()


def _environment(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    told = {name: _mounted(value, folder) for name, value in env.items()}
    path = [str(_HOME), *(part for part in told.get("PYTHONPATH", "").split(os.pathsep) if part)]
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        "PYTHONUNBUFFERED": "1",
        **told,
        "PYTHONPATH": os.pathsep.join(path),
        "BLUEWATER_OPT_ML": str(folder),
    }


def _mounted(value: str, folder: Path) -> str:
    return str(folder) + value[len(MOUNT) :] if f"{value}/".startswith(f"{MOUNT}/") else value
