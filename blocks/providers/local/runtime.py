"""The runtime socket of one HAProxy: what it does now, and changes without a reload."""

from __future__ import annotations

import csv
import io
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What HAProxy counted for a backend since it started."""

    lost: int  # 5xx that no server of the backend gave: refused, broken or late connections
    in_flight: int
    queued: int
    up: Mapping[str, bool]  # server -> answers its health check


class Runtime:
    """The runtime socket of one HAProxy."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def ask(self, *commands: str) -> str:
        """Send commands and return the answer. Raises OSError if nobody listens."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(self._path))
            client.sendall((";".join(commands) + "\n").encode())
            parts = []
            while part := client.recv(1 << 16):
                parts.append(part)
        return b"".join(parts).decode()

    def set_map(self, file: Path, entries: Mapping[str, str]) -> None:
        """Replace a map at once: every request sees the old one or the new one."""
        answer = self.ask(f"prepare map {file}")
        version = answer.strip().rpartition(" ")[2]
        for key, value in entries.items():
            self.ask(f"add map @{version} {file} {key} {value}")
        self.ask(f"commit map @{version} {file}")

    def map(self, file: Path) -> dict[str, str]:
        """Return a map as it is in force."""
        lines = (line.split() for line in self.ask(f"show map {file}").splitlines())
        return {parts[1]: parts[2] for parts in lines if len(parts) == 3}

    def serve(self, backend: str, server: str, port: int, *, concurrency: int) -> None:
        """Let a server of a backend take requests at a port, so many at once; more wait."""
        name = f"{backend}/{server}"
        self.ask(f"set maxconn server {name} {concurrency}")
        self.ask(f"set server {name} addr 127.0.0.1 port {port}")
        self.ask(f"set server {name} state ready")
        self.ask(f"enable health {name}")

    def drain(self, backend: str, server: str) -> None:
        """Let a server finish what it has, and take nothing new."""
        self.ask(f"set server {backend}/{server} state drain")

    def close(self, backend: str, server: str) -> None:
        """Take a server out."""
        self.ask(f"set server {backend}/{server} state maint")

    def counters(self, backends: Iterable[str]) -> dict[str, Counters]:
        """Return what was counted for each of these backends. Raises OSError if it goes.

        HAProxy answers nobody while it writes this, so ask for what is needed.
        """
        found = {}
        for name in backends:
            # one backend fits into one buffer, so that its figures are of one moment
            text = self.ask(f"show stat {name} -1 -1").removeprefix("# ")
            mine = list(csv.DictReader(io.StringIO(text)))
            servers = [row for row in mine if row["svname"].startswith("s")]
            total = next((row for row in mine if row["svname"] == "BACKEND"), None)
            if total is None:
                raise ConnectionAbortedError("the router went before it had told its counters")
            answered = sum(int(row["hrsp_5xx"] or 0) for row in servers)
            found[name] = Counters(
                lost=max(0, int(total["hrsp_5xx"] or 0) - answered),
                in_flight=int(total["scur"] or 0),
                queued=int(total["qcur"] or 0),
                up={row["svname"]: row["status"] in {"UP", "DRAIN"} for row in servers},
            )
        return found

    def addresses(self, backend: str) -> dict[str, tuple[int, bool]]:
        """Return server -> (port, takes requests) of a backend."""
        found = {}
        for line in self.ask(f"show servers state {backend}").splitlines()[2:]:
            parts = line.split()
            if len(parts) > 18:
                open_ = int(parts[6]) & 0x1B == 0  # neither in maintenance nor draining
                found[parts[3]] = (int(parts[18]), open_)
        return found
