"""How soon a process gets a core that another one is using.

Linux lets each process ask for the length of its turns. Whoever asks for short ones is given a
core soon after it wakes up, for no more time in all: what a router wants, which does little and
stands between a caller and a model that fills the cores. Needs no privilege.
`struct sched_attr` of https://man7.org/linux/man-pages/man2/sched_setattr.2.html; heeded since
Linux 6.12 (https://docs.kernel.org/scheduler/sched-eevdf.html). No library wraps the call.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

SHORT = 100_000  # nanoseconds, the least that the kernel takes

_SET, _GET = {"x86_64": (314, 315)}.get(platform.machine(), (274, 275))
_ATTRIBUTES = "=IIQiIQQQII"  # size, policy, flags, nice, priority, runtime, ...
_NICE, _SLICE = 3, 5


def take_short_turns(pid: int) -> None:
    """Ask for short turns for a process; an older kernel, or another system, changes nothing."""
    now = _attributes(pid)
    if now is not None:
        length = struct.calcsize(_ATTRIBUTES)
        wanted = struct.pack(_ATTRIBUTES, length, 0, 0, now[_NICE], 0, SHORT, 0, 0, 0, 0)
        _call(_SET, pid, wanted, 0)


def turn_of(pid: int) -> int | None:
    """Return the turn of a process in nanoseconds, None where the kernel does not tell."""
    now = _attributes(pid)
    return now[_SLICE] or None if now else None


def _attributes(pid: int) -> tuple[int, ...] | None:
    found = ctypes.create_string_buffer(struct.calcsize(_ATTRIBUTES))
    if not _call(_GET, pid, found, len(found), 0):
        return None
    return struct.unpack(_ATTRIBUTES, found.raw)


def _call(number: int, pid: int, *words: object) -> bool:
    if os.uname().sysname != "Linux":
        return False
    return bool(ctypes.CDLL(None).syscall(number, pid, *words) == 0)
