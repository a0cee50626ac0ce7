"""A load generator: so many connections, each with one request in flight.

Closed loop: the next request follows the answer. With ``--pace`` each connection asks when its next
request is due; a late answer delays the next request, whose time still counts from when it was due.
Due are they evenly spaced, connections and ports in turn (as wrk2 does it), or, with
``--arrivals random``, at the times of a Poisson process. With several ports, each has so many
connections, all of them in the same moments.

asyncio, uvloop and httptools (the parser of uvicorn), in a process of its own. It takes about 25 us
of CPU for a request, so on the same two cores it costs both sides of a comparison the same.
wrk and oha do this better; neither comes from a Python package index.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import click
import httptools
import orjson
import uvloop

LEAD = 0.2  # seconds in which all connections are made, before the first request


@dataclass(slots=True)
class Seen:
    """What all connections saw."""

    until: float
    every: float = 0.0  # mean seconds between two requests of a connection; 0 = at once
    random: bool = False  # arrivals of a Poisson process, not evenly spaced
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0
    took: float = 0.0

    def told(self) -> dict[str, Any]:
        """Return requests per second and latencies in milliseconds."""
        ordered = sorted(self.seconds)
        return {
            "requests": len(ordered),
            "per_second": len(ordered) / self.took,
            "p50_ms": at(ordered, 0.50) * 1000,
            "p99_ms": at(ordered, 0.99) * 1000,
            "statuses": {str(status): count for status, count in self.statuses.items()},
            "broken": self.broken,
            "ms": [round(value * 1000, 3) for value in self.seconds],
        }


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is whole."""

    def __init__(
        self, request: bytes, seen: Seen, done: asyncio.Future[None], first: float
    ) -> None:
        self._request, self._seen, self._done = request, seen, done
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._begun, self._due = 0.0, first

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ask_when_due()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._seen.seconds.append(now - self._begun)
        self._seen.statuses[self._parser.get_status_code()] += 1
        if now < self._seen.until:
            self._due += self._gap()
            self._ask_when_due()
        else:
            self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._seen.broken += 1
            self._finish()

    def _gap(self) -> float:
        every = self._seen.every
        return random.expovariate(1 / every) if every and self._seen.random else every

    def _ask_when_due(self) -> None:
        wait = self._due - time.perf_counter() if self._seen.every else 0.0
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._ask)
        else:
            self._ask()

    def _ask(self) -> None:
        if self._transport is not None:
            self._begun = self._due if self._seen.every else time.perf_counter()
            self._transport.write(self._request)

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def load(
    host: str,
    requests: dict[int, bytes],
    *,
    connections: int,
    seconds: float,
    pace: float = 0.0,
    arrivals: str = "even",
) -> dict[int, Seen]:
    """Ask each port for so long; return what its connections saw. ``pace`` is of all of them."""
    loop, begun = asyncio.get_running_loop(), time.perf_counter()
    every = connections * len(requests) / pace if pace else 0.0
    seen = {
        port: Seen(until=begun + seconds, every=every, random=arrivals == "random")
        for port in requests
    }
    ends: list[asyncio.Future[None]] = []
    for _ in range(connections):
        for port, request in requests.items():
            first = begun + LEAD + every * len(ends) / (connections * len(requests))
            ends.append(end := loop.create_future())
            asking = Connection(request, seen[port], end, first)
            await loop.create_connection(lambda asking=asking: asking, host, port)  # type: ignore[misc]
    await asyncio.gather(*ends)
    for each in seen.values():
        each.took = time.perf_counter() - begun
    return seen


def at(ordered: list[float], share: float) -> float:
    """Return a quantile of ordered values."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")


def request_bytes(port: int, body: bytes, path: str = "/invocations") -> bytes:
    """Return a whole POST request."""
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@click.command()
@click.option("--port", "ports", type=int, required=True, multiple=True)
@click.option("--body", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--path", default="/invocations")
@click.option("--connections", default=1, help="Connections to each port.")
@click.option("--seconds", default=5.0)
@click.option("--arrivals", type=click.Choice(["even", "random"]), default="even")
@click.option("--out", default="-", type=click.File("wb"), help="File for what was seen.")
@click.option("--pace", default=0.0, help="Requests a second of all connections; 0 = no limit.")
def main(
    *,
    ports: tuple[int, ...],
    body: Path,
    path: str,
    connections: int,
    seconds: float,
    pace: float,
    arrivals: str,
    out: BinaryIO,
) -> None:
    """Write what was seen at each port as one line of JSON."""
    content = body.read_bytes()
    requests = {port: request_bytes(port, content, path) for port in ports}
    asking = load(
        "127.0.0.1",
        requests,
        connections=connections,
        seconds=seconds,
        pace=pace,
        arrivals=arrivals,
    )
    seen = {str(port): each.told() for port, each in uvloop.run(asking).items()}
    out.write(orjson.dumps(seen) + b"\n")


if __name__ == "__main__":
    main()
