"""Containers as processes of this machine: a folder stands for a mount, a group for the cgroup."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from blocks.emulation.clock import Clock
from blocks.emulation.supervision import Supervision
from blocks.emulation.warm import WarmInterpreter, WarmProcess
from blocks.threads import WAIT_PASSIVELY

_HOME = Path(__file__).resolve().parents[2]
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV")


@dataclass(slots=True, kw_only=True)
class Uptime:
    """When a container ran, in seconds of the cloud's clock: what a cloud bills by."""

    name: str
    began: float
    ended: float | None = None  # None: it runs


class Container:
    """One running container.

    ``mark`` is ``NAME=value`` of its environment, by which also those of its programs are found
    that have left its group.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        process: subprocess.Popen[bytes] | WarmProcess,
        log: Callable[[str], None],
        over: Callable[[], None] = lambda: None,
        *,
        mark: str = "",
    ) -> None:
        self.name, self.folder, self._process, self._over = name, folder, process, over
        self.mark = mark
        self._lock, self._ended = threading.Lock(), False
        self._reader = threading.Thread(target=self._read, args=(log,), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Id of the process, and of its group."""
        return self._process.pid

    @property
    def over(self) -> bool:
        """Whether nothing of it can be left; of a marked one that is known once it was ended."""
        return self._ended if self.mark else self.poll() is not None

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
        self._over()


class Containers:
    """Every container of a cloud.

    ``mount`` is where the cloud mounts what belongs to a container; paths below it in an
    environment mean the container's folder, which the variable ``told`` names to the process.
    Should this process be killed, they end all the same. What ``warm`` knows starts there.
    """

    def __init__(self, mount: str, told: str, warm: WarmInterpreter | None = None) -> None:
        self._mount, self._told, self._warm = mount, told, warm or WarmInterpreter(())
        self._lock = threading.RLock()
        self._all: list[Container] = []
        self._uptimes: list[Uptime] = []
        self.now: Callable[[], float] = time.time  # the cloud's own clock, where it has one
        self._supervision = Supervision()
        self._over = False

    def run(
        self,
        name: str,
        folder: Path,
        command: Sequence[str],
        env: Mapping[str, str],
        log: Callable[[str], None],
    ) -> Container:
        """Start a command in its folder.

        ``python`` is ours, and so is the ``blocks`` package that the image would hold. What is
        temporary goes with it.
        """
        scratch = tempfile.mkdtemp(prefix="tmp-", dir=folder)
        with self._lock:  # none may be between being started and being known when all are ended
            told = self._environment(folder, {"TMPDIR": scratch, **env})
            process = self._started(command, folder, told)
            uptime = Uptime(name=name, began=self.now())
            self._uptimes.append(uptime)

            def over() -> None:
                uptime.ended = self.now()
                shutil.rmtree(scratch, ignore_errors=True)

            return self.keep(Container(name, folder, process, log, over))

    def uptimes(self) -> list[Uptime]:
        """Return when each container ran that was ever started here, oldest first."""
        with self._lock:
            return list(self._uptimes)

    def _started(
        self, command: Sequence[str], folder: Path, env: Mapping[str, str]
    ) -> subprocess.Popen[bytes] | WarmProcess:
        if self._warm.knows(command):
            return self._warm.run(command, folder, env)
        program, *arguments = command
        return subprocess.Popen(
            [sys.executable if program in ("python", "python3") else program, *arguments],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def keep(self, container: Container) -> Container:
        """Know of one that was started elsewhere, and end it with the others."""
        with self._lock:
            self._all = [each for each in self._all if not each.over] + [container]
            if self._over:
                container.end()
            else:
                self._supervision.tell(
                    f"{each.pid}:{each.mark}" if each.mark else each.pid for each in self._all
                )
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
        with self._lock:
            self._supervision.end()

    def _environment(self, folder: Path, env: Mapping[str, str]) -> dict[str, str]:
        told = {name: self._mounted(value, folder) for name, value in env.items()}
        path = [str(_HOME), *filter(None, told.get("PYTHONPATH", "").split(os.pathsep))]
        return {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            "PYTHONUNBUFFERED": "1",
            **WAIT_PASSIVELY,
            **told,
            "PYTHONPATH": os.pathsep.join(path),
            self._told: str(folder),
        }

    def _mounted(self, value: str, folder: Path) -> str:
        inside = f"{value}/".startswith(f"{self._mount}/")
        return str(folder) + value[len(self._mount) :] if inside else value
