"""What our processes hold: how many there are of each kind, their files, sockets and memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from blocks.providers.local import processes

KINDS = (  # by a word of the command line; the first that fits
    ("blocks.providers.local.supervisor", "supervisor"),
    ("haproxy", "router"),
    ("blocks.serving", "model server"),
    (".serve", "model server"),
    ("blocks.emulation.interpreter", "interpreter of the emulator"),
    ("reaper", "reaper of the emulator"),
    (".emulator", "emulator"),
    ("prefect server", "Prefect server"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the processes of one kind hold together."""

    processes: int
    files: int
    sockets: int
    megabytes: float


def sample(owners: Iterable[str], scratch: Path) -> dict[str, Held]:
    """Return what each kind of process of ours holds now; ``scratch`` is where they leave files."""
    found: dict[str, Held] = {}
    for process in _ours(owners):
        with contextlib.suppress(psutil.Error):
            kind, held = _kind(process), _held(process)
            found[kind] = _sum(found.get(kind), held)
    kept = sum(1 for _ in scratch.iterdir())
    found["files left in TMPDIR"] = Held(processes=0, files=kept, sockets=0, megabytes=0.0)
    return found


def _ours(owners: Iterable[str]) -> Iterator[psutil.Process]:
    """Yield this process, all it has started, and all that carries one of our owner ids, once."""
    me = psutil.Process()
    seen = {me.pid: me, **{each.pid: each for each in me.children(recursive=True)}}
    for owner in owners:
        for each in processes.owned(owner):
            with contextlib.suppress(psutil.Error):
                seen.setdefault(each.identity.pid, psutil.Process(each.identity.pid))
    for process in seen.values():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE or process.ppid() == me.pid:
                yield process


def _kind(process: psutil.Process) -> str:
    if process.pid == os.getpid():
        return "orchestrator"
    if process.status() == psutil.STATUS_ZOMBIE:
        return "zombie"
    line = " ".join(process.cmdline())
    return next((kind for word, kind in KINDS if word in line), f"other: {_short(line)}")


def _short(line: str) -> str:
    words = [Path(word).name for word in line.split()[:4]]
    return " ".join(words)[:60]


def _held(process: psutil.Process) -> Held:
    if process.status() == psutil.STATUS_ZOMBIE:
        return Held(processes=1, files=0, sockets=0, megabytes=0.0)
    memory = process.memory_info().rss / 2**20
    sockets = len(process.net_connections("all"))
    return Held(processes=1, files=process.num_fds(), sockets=sockets, megabytes=memory)


def _sum(one: Held | None, other: Held) -> Held:
    if one is None:
        return other
    return Held(
        processes=one.processes + other.processes,
        files=one.files + other.files,
        sockets=one.sockets + other.sockets,
        megabytes=one.megabytes + other.megabytes,
    )
