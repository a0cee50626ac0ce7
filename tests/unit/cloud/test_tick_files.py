"""Counts on their way to a bucket, and back."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.cloud.logged_ticks import TICK
from blocks.cloud.tick_files import TickReader, TickWriter
from blocks.contracts import VariantTick, Window
from blocks.testing.folder_bucket import FolderBucket

FOLDER, HOUR = "ticks/bench", timedelta(hours=1)


class Watched(FolderBucket):
    """A bucket that counts what is read, and takes nothing while it is broken."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reads: Counter[str] = Counter()
        self.broken = False

    def read(self, uri: str) -> tuple[bytes, str] | None:
        self.reads[uri] += 1
        return super().read(uri)

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        if self.broken:
            raise OSError("no way through")
        return super().swap(uri, content, etag=etag)


@pytest.fixture
def bucket(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def line(requests: int) -> str:
    tick = VariantTick(variant="blue", start=datetime.now(UTC), seconds=1.0, requests=requests)
    return f"{TICK}{tick.to_json(exclude_defaults=True)}\n"


def told(reader: TickReader) -> list[int]:
    now = datetime.now(UTC)
    lines = reader.between(Window(start=now - HOUR, end=now), late=HOUR)
    return [each.tick.requests for each in lines]


def test_lines_become_a_file_every_so_often_and_the_rest_at_the_end(bucket: Watched) -> None:
    out, reader = TickWriter(bucket, FOLDER, "r1", every=3600), TickReader(bucket, FOLDER)
    for number in range(1, 4):
        out.write(line(number))
        out.flush()
    assert told(reader) == [1]
    out.close()
    assert told(reader) == [1, 2, 3]
    assert len(list(bucket.below(FOLDER))) == 2


def test_a_file_is_read_once_however_often_one_looks(bucket: Watched) -> None:
    """A rollout looks every second, at minutes of files each time."""
    out, reader = TickWriter(bucket, FOLDER, "r1", every=0), TickReader(bucket, FOLDER)
    for number in range(3):
        out.write(line(number))
        out.flush()
        assert told(reader) == list(range(number + 1))
    assert set(bucket.reads.values()) == {1}


def test_what_does_not_get_there_waits(bucket: Watched, caplog: pytest.LogCaptureFixture) -> None:
    out, reader = TickWriter(bucket, FOLDER, "r1", every=0), TickReader(bucket, FOLDER)
    bucket.broken = True
    for number in (1, 2):
        out.write(line(number))
        out.flush()
    assert (told(reader), len(caplog.records)) == ([], 1)
    bucket.broken = False
    out.close()
    assert told(reader) == [1, 2]
