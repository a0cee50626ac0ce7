"""Counts of one replica, also while its disk is full."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from blocks.contracts import VariantTick
from blocks.serving.ticks import Ticks

THREADS, REQUESTS = 4, 300


def test_no_request_is_lost_that_is_counted_while_the_disk_is_full(tmp_path: Path) -> None:
    """What waits to be written, and what comes meanwhile, are of the same tick."""
    ticks = Ticks(tmp_path, variant="blue", replica="r", seconds=86400, at_once=True)
    file = tmp_path / f"blue.r.{os.getpid()}.jsonl"
    file.symlink_to("/dev/full")

    def ask() -> None:
        for number in range(REQUESTS):
            user = f"user {number}"
            ticks.count(seconds=0.1, error=number == 0, mirrored=False, user=user, predictions=[0])

    callers = [threading.Thread(target=ask) for _ in range(THREADS)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    file.unlink()
    ticks.flush(whole=False)

    told = [VariantTick.from_json(line) for line in file.read_text().splitlines()]
    assert sum(tick.requests for tick in told) == THREADS * REQUESTS
    assert sum(sum(tick.latency.values()) for tick in told) == THREADS * REQUESTS
    assert sum(sum(tick.predictions.values()) for tick in told) == THREADS * REQUESTS
    assert sum(tick.errors for tick in told) == THREADS
