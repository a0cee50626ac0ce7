"""How long answers take, at a stated concurrency and payload."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from blocks.contracts import Frozen

WARM_UP = 10  # requests that are not measured


class Latency(Frozen):
    """What was measured, in milliseconds, and what it was measured with."""

    p50: float
    p95: float
    p99: float
    requests: int
    concurrency: int
    rows: int
    rows_per_second: float


def measure(ask: Callable[[], object], *, requests: int, concurrency: int, rows: int) -> Latency:
    """Ask that often from that many threads; ``rows`` says how many rows one question has."""

    def timed(_: int) -> float:
        begun = time.perf_counter()
        ask()
        return time.perf_counter() - begun

    for number in range(WARM_UP):
        timed(number)
    begun = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as threads:
        seconds = np.array(list(threads.map(timed, range(requests))))
    passed = time.perf_counter() - begun
    p50, p95, p99 = (float(value) * 1000 for value in np.quantile(seconds, (0.5, 0.95, 0.99)))
    return Latency(
        p50=p50,
        p95=p95,
        p99=p99,
        requests=requests,
        concurrency=concurrency,
        rows=rows,
        rows_per_second=requests * rows / passed,
    )
