"""An interpreter that has imported what an emulated cloud's own images run, and forks for each.

``python -m blocks.emulation.interpreter SOCKET MODULE...`` imports the modules, and forks a
container for each connection: a server of models starts in a tenth of a second this way, and not
in the seconds that it takes to import MLflow. When a connection closes, it kills the container that
was asked for over it; when its input closes, because whoever started it is done or dead, it ends
with all of them.
"""

from __future__ import annotations

import contextlib
import gc
import os
import runpy
import selectors
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from blocks.contracts import Frozen

LONGEST = 1 << 20  # bytes of a request


class Asked(Frozen):
    """A module to run as ``python -m`` does; beside it comes the pipe for its output."""

    module: str
    arguments: tuple[str, ...]
    folder: str
    env: dict[str, str]


class _Forked(Exception):
    """This process is a container now."""

    def __init__(self, asked: Asked, output: int) -> None:
        super().__init__(asked.module)
        self.asked, self.output = asked, output


class _Attendant:
    """Forks containers, and tells their callers of their ends."""

    def __init__(self, place: Path) -> None:
        self._callers: dict[int, socket.socket] = {}  # by the id of the container
        self._selector = selectors.DefaultSelector()
        self._ends, self._woken = socket.socketpair()  # a byte for each end of a container
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(place))
        self._listener.listen(128)
        for each in (self._ends, self._woken):
            each.setblocking(False)

    def attend(self) -> None:
        """Serve until the input closes. Raises _Forked in each container."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the caller's Ctrl-C closes our input
        signal.set_wakeup_fd(self._woken.fileno())
        for source in (self._listener, self._ends, sys.stdin):
            self._selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is sys.stdin:
                    self._end()
                    return
                if key.fileobj is self._listener:
                    self._start(self._listener.accept()[0])
                elif key.fileobj is self._ends:
                    self._ends.recv(LONGEST)
                    self._reap()
                else:
                    self._lose(key.data)

    def _start(self, caller: socket.socket) -> None:
        text, descriptors, *_ = socket.recv_fds(caller, LONGEST, 1)
        if not descriptors:  # it went away before it asked
            caller.close()
            return
        if (pid := os.fork()) == 0:
            os.setsid()
            _say(caller, os.getpid())  # from now on its group can be killed
            self._leave(caller)
            raise _Forked(Asked.model_validate_json(text), descriptors[0])
        os.close(descriptors[0])
        self._callers[pid] = caller
        self._selector.register(caller, selectors.EVENT_READ, pid)

    def _lose(self, pid: int) -> None:
        """Kill the container of a caller that is gone, unless it was over at the same moment."""
        if (caller := self._callers.get(pid)) is not None:
            self._selector.unregister(caller)
            _kill(pid)

    def _end(self) -> None:
        """Kill them all: there is no caller any more."""
        for pid in self._callers:
            _kill(pid)

    def _reap(self) -> None:
        while self._callers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            caller = self._callers.pop(pid)
            with contextlib.suppress(KeyError):  # it is gone itself
                self._selector.unregister(caller)
            _say(caller, os.waitstatus_to_exitcode(status))
            caller.close()

    def _leave(self, caller: socket.socket) -> None:
        """Let go, in a container, of what belongs to this process."""
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        self._selector.close()
        for each in (caller, self._listener, self._ends, self._woken, *self._callers.values()):
            each.close()


def main(place: Path, modules: Sequence[str]) -> None:
    """Attend to a socket; in a container, run its module instead."""
    attendant, path = _Attendant(place), list(sys.path)
    for module in modules:
        import_module(module)
    gc.freeze()  # what all have in common stays in common
    try:
        attendant.attend()
        place.unlink()
        place.parent.rmdir()
        return
    except _Forked as forked:
        asked, output = forked.asked, forked.output
    _become(asked, output, path)
    sys.modules.pop(asked.module, None)  # it is run, not imported
    runpy.run_module(asked.module, run_name="__main__", alter_sys=True)


def _become(asked: Asked, output: int, path: Sequence[str]) -> None:
    with open(os.devnull) as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), 0)
    for number in (1, 2):
        os.dup2(output, number)
    os.close(output)
    os.chdir(asked.folder)
    os.environ.clear()
    os.environ.update(asked.env)
    tempfile.tempdir = None  # as the environment says from here on
    told = filter(None, asked.env.get("PYTHONPATH", "").split(os.pathsep))
    sys.path[:] = [asked.folder, *told, *path]
    sys.argv[1:] = asked.arguments


def _kill(pid: int) -> None:
    for send in (os.kill, os.killpg):  # it may not be a group yet
        with contextlib.suppress(ProcessLookupError):
            send(pid, signal.SIGKILL)


def _say(caller: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):  # it is gone
        caller.send(b"%d" % number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
