"""Detached processes of this machine that carry our owner id, found again by it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import psutil

from blocks.contracts import Frozen
from blocks.threads import WAIT_PASSIVELY

OWNER = "BLUEWATER_PROCESS_OWNER"  # not BLUEWATER_OWNER, which marks what is made on clouds
RESOURCE = "BLUEWATER_RESOURCE"
MARKED_WITHIN = 1.0  # seconds
KILLED_WITHIN = 10.0  # seconds


class Identity(Frozen):
    """One process for ever: a pid alone may be given to another process later.

    Its start is told since the machine's, by a clock that nobody can set: since the epoch it would
    be another one whenever the time of day is corrected, and a process that runs be taken for dead.
    """

    pid: int
    started: float  # seconds after the machine's start; of notes without ``boot`` since the epoch
    boot: str = ""  # which start of the machine; notes of earlier versions have none

    @property
    def created(self) -> datetime:
        """When the process started, by the time of day that is now in force."""
        before = psutil.boot_time() if self.boot else 0.0
        return datetime.fromtimestamp(before + self.started, UTC)


class Owned(Frozen):
    """A live process of ours, and what it is for (``kind/id``)."""

    identity: Identity
    resource: str


def spawn(
    argv: Sequence[str],
    *,
    owner: str,
    resource: str,
    log: Path,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Identity:
    """Start a program in a session of its own, so that it outlives us.

    Its output is appended to ``log``; its environment is ours, with ``env`` and the owner mark.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env={**WAIT_PASSIVELY, **os.environ, **(env or {}), OWNER: owner, RESOURCE: resource},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=tuple(pass_fds),
        )
    identity = identify(process.pid)
    _wait_for_mark(process.pid, owner)
    # Reaps it if it ends before us; if we end first, init does.
    threading.Thread(target=process.wait, daemon=True).start()
    return identity


def _wait_for_mark(pid: int, owner: str) -> None:
    """Return when the mark can be read: Popen returns a moment before the kernel shows it."""
    end = time.monotonic() + MARKED_WITHIN
    with contextlib.suppress(psutil.Error):  # it has ended already
        while psutil.Process(pid).environ().get(OWNER) != owner and time.monotonic() < end:
            time.sleep(0.001)


def identify(pid: int | None = None) -> Identity:
    """Return the identity of a live process; of this one without a pid."""
    return _identity(os.getpid() if pid is None else pid)


def alive(identity: Identity) -> bool:
    """Whether that very process still runs. A zombie does not."""
    return _process(identity) is not None


def owned(owner: str) -> Iterator[Owned]:
    """Yield every live process that carries this owner id, children included."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            environment = process.environ()
            if environment.get(OWNER) == owner and process.status() != psutil.STATUS_ZOMBIE:
                yield Owned(identity=_identity(process.pid), resource=environment.get(RESOURCE, ""))


def leader(owner: str, resource: str, argv: Sequence[str]) -> Identity | None:
    """Return the live process that was started for a resource with these words, if there is one.

    A program that has replaced itself by another, with more words, is found by its last ones.
    """
    for each in owned(owner):
        if each.resource == resource:
            with contextlib.suppress(psutil.Error):
                words = psutil.Process(each.identity.pid).cmdline()
                if words[-1:] and words[1:] == list(argv)[-len(words) + 1 :]:
                    return each.identity
    return None


def marked() -> Iterator[str]:
    """Yield what each live process of any owner on this machine is for."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            environment = process.environ()
            if OWNER in environment and process.status() != psutil.STATUS_ZOMBIE:
                yield environment.get(RESOURCE, "")


def stop(identity: Identity, *, grace: float = 10.0) -> None:
    """End a process and its group: SIGTERM, ``grace`` seconds, SIGKILL. Gone is fine."""
    process = _process(identity)
    if process is None:
        return
    _signal(identity, signal.SIGTERM)
    with contextlib.suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
        process.wait(grace)
        return
    _signal(identity, signal.SIGKILL)
    end = time.monotonic() + KILLED_WITHIN
    while alive(identity) and time.monotonic() < end:  # on a busy machine not at once
        time.sleep(0.005)


def _process(identity: Identity) -> psutil.Process | None:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(identity.pid)
        if identity.boot:
            same = _identity(identity.pid) == identity
        else:
            same = abs(process.create_time() - identity.started) < 0.01
        if same and process.status() != psutil.STATUS_ZOMBIE:
            return process
    return None


def _identity(pid: int) -> Identity:
    """Return the identity of a process. Raises psutil.NoSuchProcess."""
    if not _boot():
        return Identity(pid=pid, started=psutil.Process(pid).create_time())
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise psutil.NoSuchProcess(pid) from error
    # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: the 22nd field; the second one is
    # a name that may have anything in it
    ticks = int(told.rpartition(b")")[2].split()[19])
    return Identity(pid=pid, started=ticks / os.sysconf("SC_CLK_TCK"), boot=_boot())


@cache
def _boot() -> str:
    """Return which start of the machine this is; empty where that is not told (not on Linux)."""
    file = Path("/proc/sys/kernel/random/boot_id")
    return file.read_text().strip() if file.exists() else ""


def _signal(identity: Identity, number: signal.Signals) -> None:
    """Signal the whole group where the process leads one, else the process alone."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(identity.pid) == identity.pid:
            os.killpg(identity.pid, number)
        else:
            os.kill(identity.pid, number)
