"""Ticks of several processes become one; who is in trouble with two of them is one user."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from blocks.contracts import VariantTick, Window, user_number
from blocks.providers.local.ticks import SealedTicks


def test_a_user_in_trouble_in_two_processes_is_one(tmp_path: Path) -> None:
    (tmp_path / "ticks").mkdir()
    ann, ben = sorted(map(user_number, ("ann", "ben")))
    for replica, erring, nameless in (("one", (ann, ben), 0), ("two", (ann,), 3)):
        tick = VariantTick(
            variant="v1",
            start=datetime.fromtimestamp(1000, UTC),
            seconds=1,
            requests=9,
            errors=5,
            users=7,
            erring_users=len(erring) + nameless,
            erring=erring,
        )
        file = tmp_path / "ticks" / f"v1.{replica}.{os.getpid()}.jsonl"
        file.write_text(tick.to_json() + "\n")
    window = Window(start=datetime.fromtimestamp(0, UTC), end=datetime.fromtimestamp(2000, UTC))
    (tick,) = SealedTicks(tmp_path, clock=lambda: 1010.0).between(window)
    assert tick.erring == (ann, ben)
    assert tick.erring_users == 5  # both of them, and three who gave no name
    assert (tick.requests, tick.users, tick.errors) == (18, 14, 10)
