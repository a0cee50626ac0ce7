"""People who ask whether their flight will be late: a steady load of real rows on the endpoint."""

from __future__ import annotations

import http.client
import json
import threading
import time
import uuid
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd

CALLERS = 4


class Traffic:
    """Sends one row a request, at a fixed rate, until stopped; counts what comes back."""

    def __init__(self, url: str, *, token: str, rows: Path, per_second: float) -> None:
        frame = pd.read_parquet(rows).drop(columns=["flight", "late", "month", "week"])
        frame = frame.sample(2000, random_state=1).astype(object)
        self._bodies = [
            json.dumps({"dataframe_records": [row]}).encode()
            for row in frame.where(frame.notna(), None).to_dict("records")
        ]
        self._address, self._token = urlsplit(url).netloc, token
        self._pause = CALLERS / per_second
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.answers: Counter[int] = Counter()  # by HTTP status; 0 = no answer
        self.variants: Counter[str] = Counter()
        self._threads = [
            threading.Thread(target=self._call, args=(number,), daemon=True)
            for number in range(CALLERS)
        ]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._address, timeout=30)
        due = time.monotonic() + self._pause * number / CALLERS
        turn = number
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            status, variant = self._ask(connection, self._bodies[turn % len(self._bodies)])
            with self._lock:
                self.answers[status] += 1
                self.variants[variant] += 1
            turn += CALLERS
            due = max(due + self._pause, time.monotonic() - 1)

    def _ask(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, str]:
        headers = {
            "content-type": "application/json",
            "authorization": f"Bearer {self._token}",
            "x-request-id": uuid.uuid4().hex,
        }
        try:
            connection.request("POST", "/invocations", body, headers)
            reply = connection.getresponse()
            reply.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0, ""
        return reply.status, reply.getheader("x-bluewater-variant") or ""
