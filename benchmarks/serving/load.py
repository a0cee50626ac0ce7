"""A load generator: so many connections, each with one request in flight.

Closed loop: the next request follows the answer. With ``--pace`` each connection asks at fixed
times; a late answer delays the next request, whose time still counts from when it was due.

asyncio, uvloop and httptools (the parser of uvicorn), in a process of its own. It takes about 25 us
of CPU for a request, so on the same two cores it costs both sides of a comparison the same.
wrk and oha do this better; neither comes from a Python package index.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import click
import httptools
import orjson
import uvloop


@dataclass(slots=True)
class Seen:
    """What all connections saw."""

    until: float
    every: float = 0.0  # seconds between two requests of a connection; 0 = at once
    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    broken: int = 0


class Connection(asyncio.Protocol):
    """Sends the next request when the answer to the last one is whole."""

    def __init__(self, request: bytes, seen: Seen, done: asyncio.Future[None]) -> None:
        self._request, self._seen, self._done = request, seen, done
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._begun = self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._due = time.perf_counter() + random.random() * self._seen.every
        self._ask_when_due()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        now = time.perf_counter()
        self._seen.seconds.append(now - self._begun)
        self._seen.statuses[self._parser.get_status_code()] += 1
        if now < self._seen.until:
            self._due += self._seen.every
            self._ask_when_due()
        else:
            self._finish()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._seen.broken += 1
            self._finish()

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
    host: str, port: int, request: bytes, *, connections: int, seconds: float, pace: float = 0.0
) -> dict[str, Any]:
    """Ask for so long; return requests per second and latencies in milliseconds."""
    loop = asyncio.get_running_loop()
    every = connections / pace if pace else 0.0
    seen, begun = Seen(until=time.perf_counter() + seconds, every=every), time.perf_counter()
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(
            lambda end=end: Connection(request, seen, end),  # type: ignore[misc]
            host,
            port,
        )
    await asyncio.gather(*ends)
    took = time.perf_counter() - begun
    ordered = sorted(seen.seconds)
    return {
        "requests": len(ordered),
        "per_second": len(ordered) / took,
        "p50_ms": at(ordered, 0.50) * 1000,
        "p99_ms": at(ordered, 0.99) * 1000,
        "statuses": {str(status): count for status, count in seen.statuses.items()},
        "broken": seen.broken,
    }


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
@click.option("--port", type=int, required=True)
@click.option("--body", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--path", default="/invocations")
@click.option("--connections", default=1)
@click.option("--seconds", default=5.0)
@click.option("--pace", default=0.0, help="Requests a second of all connections; 0 = no limit.")
def main(
    *, port: int, body: Path, path: str, connections: int, seconds: float, pace: float
) -> None:
    """Print what was seen as one line of JSON."""
    request = request_bytes(port, body.read_bytes(), path)
    asking = load("127.0.0.1", port, request, connections=connections, seconds=seconds, pace=pace)
    seen = uvloop.run(asking)
    sys.stdout.write(orjson.dumps(seen).decode() + "\n")


if __name__ == "__main__":
    main()
