"""Ports for servers that are told theirs, and listen on it a moment later.

What the system chooses it may have given to somebody else by then, whose server then answers in the
place of ours. These are taken in turn, by all processes of this user, from those that no system
gives out by itself.
"""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path

_FIRST, _LAST = 10_000, 32_767  # Linux gives out those above, others (RFC 6335) those from 49,152


def next_port() -> int:
    """Return a port of loopback that is free, and is given to nobody else for long."""
    place = Path(tempfile.gettempdir()) / f"bluewater-port-{os.getuid()}"
    opened = os.open(place, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(opened, "r+") as last:
        fcntl.flock(last, fcntl.LOCK_EX)
        port = _after(int(last.read() or _LAST))
        while not _is_free(port):
            port = _after(port)
        last.seek(0)
        last.write(f"{port}")
        last.truncate()
    return port


def _after(port: int) -> int:
    return port + 1 if _FIRST <= port < _LAST else _FIRST


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
