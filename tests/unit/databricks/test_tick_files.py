"""Counts on their way to the volume, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.cloud.logged_ticks import TICK
from blocks.contracts import VariantTick
from blocks.providers.databricks.tick_files import TickFiles, ticks_kept
from blocks.testing.folder_bucket import FolderBucket

START = datetime(2026, 1, 1, 11, 59, 50, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START.timestamp()

    def __call__(self) -> float:
        return self.now


class Broken(FolderBucket):
    """A bucket that takes nothing for a while."""

    broken = True

    def write(self, uri: str, content: bytes) -> None:
        if self.broken:
            raise OSError("no way through")
        super().write(uri, content)


def line(requests: int) -> str:
    tick = VariantTick(variant="blue", start=START, seconds=1.0, requests=requests)
    return f"{TICK}{tick.model_dump_json(exclude_defaults=True)}\n"


def stream(bucket: FolderBucket, clock: Clock) -> TickFiles:
    return TickFiles(bucket, "ticks/bench", variant="blue", replica="r1", every=10.0, clock=clock)


def told(bucket: FolderBucket) -> list[int]:
    day = timedelta(hours=12)
    return [
        each.tick.requests for each in ticks_kept(bucket, "ticks/bench", START - day, START + day)
    ]


def test_lines_become_a_file_every_so_often_and_the_rest_at_the_end(tmp_path: Path) -> None:
    clock, bucket = Clock(), FolderBucket(tmp_path)
    out = stream(bucket, clock)
    for number in range(1, 4):
        out.write(line(number))
        out.flush()
    assert told(bucket) == []
    clock.now += 11
    out.flush()
    assert told(bucket) == [1, 2, 3]
    out.write(line(4))
    out.close()
    assert told(bucket) == [1, 2, 3, 4]
    assert len(list(bucket.below("ticks/bench"))) == 2


def test_a_reader_looks_at_the_files_of_its_time_alone(tmp_path: Path) -> None:
    clock, bucket = Clock(), FolderBucket(tmp_path)
    out = stream(bucket, clock)
    for number in range(3):  # the second one is written in another hour
        out.write(line(number))
        clock.now += 11
        out.flush()
    early = ticks_kept(bucket, "ticks/bench", START, START + timedelta(seconds=15))
    late = ticks_kept(
        bucket, "ticks/bench", START + timedelta(seconds=15), START + timedelta(days=1)
    )
    assert ([each.tick.requests for each in early], [each.tick.requests for each in late]) == (
        [0],
        [1, 2],
    )


def test_what_does_not_get_there_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock, bucket = Clock(), Broken(tmp_path)
    out = stream(bucket, clock)
    for number in (1, 2):
        out.write(line(number))
        clock.now += 11
        out.flush()
    assert (told(bucket), len(caplog.records)) == ([], 1)
    bucket.broken = False
    clock.now += 11
    out.flush()
    assert told(bucket) == [1, 2]
