"""Containers of a cloud's own images, started in an interpreter that is warm already."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from blocks.emulation.interpreter import Asked

_INTERPRETER = "blocks.emulation.interpreter"
_HOME = Path(__file__).resolve().parents[2]
_START = 600.0  # seconds; importing under load takes its time
_SAID = 64  # bytes that are enough for a number


class WarmProcess:
    """A process that was forked elsewhere, as ``subprocess.Popen`` shows one of ours."""

    def __init__(self, connection: socket.socket, stdout: IO[bytes], pid: int) -> None:
        self._connection, self.stdout, self.pid = connection, stdout, pid
        self._lock = threading.Lock()
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        return self._status(wait=False)

    def wait(self) -> int:
        """Return the exit status once it is over."""
        status = self._status(wait=True)
        return status if status is not None else 0

    def _status(self, *, wait: bool) -> int | None:
        with self._lock:
            if self.returncode is None:
                self._connection.setblocking(wait)
                with contextlib.suppress(BlockingIOError):
                    said = self._connection.recv(_SAID)
                    self.returncode = int(said or b"-9")  # it died with its interpreter
                    self._connection.close()
            return self.returncode


class WarmInterpreter:
    """Runs these modules from one interpreter that imports them once; started when first asked."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules, self._lock = tuple(modules), threading.Lock()
        self._socket: Path | None = None

    def start(self) -> None:
        """Let it import; whoever is forked from this process after has it, too."""
        with self._lock:
            if self._socket is None:
                self._socket = Path(tempfile.mkdtemp(prefix="bluewater-")) / "socket"
                self._process = subprocess.Popen(
                    [sys.executable, "-m", _INTERPRETER, str(self._socket), *self._modules],
                    cwd=_HOME,
                    env={**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"},
                    stdin=subprocess.PIPE,  # closed when all who could ask are gone
                    start_new_session=True,
                )

    def knows(self, command: Sequence[str]) -> bool:
        """Whether a command is one of the modules."""
        program, *rest = command
        python = program in ("python", "python3")
        return python and rest[:1] == ["-m"] and rest[1] in self._modules

    def run(self, command: Sequence[str], folder: Path, env: Mapping[str, str]) -> WarmProcess:
        """Start a command that it knows."""
        self.start()
        connection = self._connected()
        asked = Asked(
            module=command[2], arguments=tuple(command[3:]), folder=str(folder), env=dict(env)
        )
        reading, writing = os.pipe()
        socket.send_fds(connection, [asked.model_dump_json().encode()], [writing])
        os.close(writing)
        pid = int(connection.recv(_SAID))
        return WarmProcess(connection, os.fdopen(reading, "rb"), pid)

    def _connected(self) -> socket.socket:
        end = time.monotonic() + _START
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                connection.connect(str(self._socket))
            except (FileNotFoundError, ConnectionRefusedError):
                connection.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)
            else:
                return connection
