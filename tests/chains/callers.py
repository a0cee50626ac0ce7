"""Callers that never rest: each row they send is one of a kind, and every answer is kept."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from dataclasses import dataclass, field
from types import TracebackType

from blocks.testing.waiting import until

HEADERS = {"content-type": "application/json"}
BODY = '{{"dataframe_records": [{{"x": {x}, "n": {n}}}]}}'


@dataclass(slots=True)
class Callers:
    """Threads that ask an endpoint of the bench on connections that they keep.

    They never ask twice: a request that fails, fails. After one, a caller connects anew.
    """

    port: int
    threads: int = 4
    answers: dict[int, tuple[str, float]] = field(default_factory=dict)  # n -> variant, prediction
    failures: list[str] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _stop: threading.Event = field(default_factory=threading.Event)
    _running: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Callers:
        self._running = [threading.Thread(target=self._call) for _ in range(self.threads)]
        for thread in self._running:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._running:
            thread.join()

    @property
    def asked(self) -> int:
        """How many requests have come to an end."""
        return len(self.answers) + len(self.failures)

    def reach(self, count: int) -> None:
        """Wait until so many requests have come to an end."""
        until(lambda: self.asked >= count, within=300)

    def _call(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self._stop.is_set():
            number = next(self._numbers)
            try:
                self._ask(connection, number)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
                self._stop.wait(0.05)
        connection.close()

    def _ask(self, connection: http.client.HTTPConnection, number: int) -> None:
        body = BODY.format(x=number % 100 / 100, n=number)
        connection.request("POST", "/invocations", body, HEADERS)
        reply = connection.getresponse()
        content = reply.read()
        if reply.status != 200:
            self.failures.append(f"{reply.status} {content[:200]!r}")
            return
        variant = reply.headers["x-bluewater-variant"]
        self.answers[number] = (variant, json.loads(content)["predictions"][0])
