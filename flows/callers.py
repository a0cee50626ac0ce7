"""A steady load on an endpoint, made of rows of the hold-out, while a rehearsal goes on."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Self

import pyarrow.parquet as pq

from blocks.contracts import Endpoints, ObjectStore, ProviderError
from tasks.specification.spec import ReleaseSpec
from tasks.transfer.sources import Sources

ROWS = 500
THREADS = 4
RECORDS = "dataframe_records"


class Callers:
    """Asks an endpoint through its provider, at a fixed rate, until stopped; counts the answers."""

    def __init__(
        self, endpoints: Endpoints, store: ObjectStore, spec: ReleaseSpec, *, per_second: float
    ) -> None:
        self._endpoints, self._endpoint = endpoints, spec.rollout.endpoint
        self._payloads = _payloads(Sources(store=store), spec)
        self._pause = THREADS / per_second
        self._turns, self._lock, self._stop = itertools.count(), threading.Lock(), threading.Event()
        self.answers: Counter[int] = Counter()  # by HTTP status; 0 = no answer
        self.variants: Counter[str] = Counter()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(THREADS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self) -> None:
        due = time.monotonic()
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            payload = self._payloads[next(self._turns) % len(self._payloads)]
            try:
                answer = self._endpoints.predict(self._endpoint, payload)
                status, variant = answer.status, answer.variant
            except ProviderError:
                status, variant = 0, ""
            with self._lock:
                self.answers[status] += 1
                self.variants[variant] += 1
            due = max(due + self._pause, time.monotonic() - 1)


def _payloads(sources: Sources, spec: ReleaseSpec) -> Sequence[Any]:
    """Return the smoke request with other rows in it; itself where rows cannot be told."""
    with sources.open(spec.rollout.smoke_request) as file:
        smoke = json.load(file)
    records = smoke.get(RECORDS) if isinstance(smoke, dict) else None
    if not records or not isinstance(records[0], dict):
        return [smoke]
    return [{RECORDS: [row]} for row in _rows(sources, spec, list(records[0]))] or [smoke]


def _rows(sources: Sources, spec: ReleaseSpec, columns: list[str]) -> Iterator[dict[str, Any]]:
    first = next(each for each in sources.walk(spec.data.holdout) if each.endswith(".parquet"))
    with sources.open(first) as file:
        parquet = pq.ParquetFile(file)
        if set(columns) <= set(parquet.schema_arrow.names):
            batch = next(parquet.iter_batches(ROWS, columns=columns))
            yield from batch.to_pylist()
