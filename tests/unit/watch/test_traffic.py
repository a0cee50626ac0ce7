"""Captured files are shared out in order."""

from __future__ import annotations

from datetime import UTC, datetime

from blocks.contracts import ObjectInfo
from tasks.watch.traffic import shares

THEN = datetime(2026, 3, 1, tzinfo=UTC)


def test_files_are_shared_out_in_order_and_none_twice() -> None:
    files = [
        ObjectInfo(uri=f"s3://b/{number}", size=size, etag="e", modified=THEN)
        for number, size in enumerate([40, 50, 20, 300, 1, 1])
    ]
    found = list(shares(files, most=100))
    assert [[each.size for each in share] for share in found] == [[40, 50], [20], [300], [1, 1]]
    assert [each for share in found for each in share] == files
    assert list(shares([])) == []
