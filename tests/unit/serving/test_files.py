"""Files of ticks: whole lines, a bounded size, and nothing lost on a full disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from blocks.contracts import VariantTick
from blocks.serving.ticks import BUCKETS, FILES, OTHER, TickFile, Ticks


def lines(folder: Path) -> list[VariantTick]:
    files = sorted(folder.glob("*.jsonl"))
    return [VariantTick.from_json(x) for f in files for x in f.read_bytes().splitlines()]


def test_a_full_file_is_left_and_the_oldest_goes(tmp_path: Path) -> None:
    file = TickFile(tmp_path, "blue.s1", limit=100)
    for number in range(60):
        assert file.append(f"{number:029}\n".encode())
    left = sorted(tmp_path.iterdir(), key=lambda each: each.stat().st_mtime_ns)
    assert len(left) == FILES
    assert all(each.stat().st_size <= 100 for each in left)
    assert file.path.read_text().splitlines()[-1] == f"{59:029}"
    assert all(each.stem.rpartition(".")[2] == str(os.getpid()) for each in left)


def test_a_name_is_never_given_to_two_files(tmp_path: Path) -> None:
    """A reader remembers by name how far it has read."""
    file = TickFile(tmp_path, "blue.s1", limit=10)
    names = []
    for _ in range(12):
        file.append(b"123456789\n")
        names.append(file.path.name)
    assert len(set(names)) == 12


def test_the_half_line_of_a_killed_process_is_cut_off(tmp_path: Path) -> None:
    name = f"blue.s1.{os.getpid()}.jsonl"
    (tmp_path / name).write_bytes(b'{"whole": 1}\n{"half')
    TickFile(tmp_path, "blue.s1").append(b'{"next": 2}\n')
    assert (tmp_path / name).read_bytes() == b'{"whole": 1}\n{"next": 2}\n'


def test_what_cannot_be_written_is_written_later(tmp_path: Path) -> None:
    ticks = Ticks(tmp_path, variant="blue", replica="s1", seconds=1)
    obstacle = tmp_path / f"blue.s1.{os.getpid()}.jsonl"
    obstacle.mkdir()
    ticks.count(seconds=0.01, error=True, mirrored=False, user="ann", predictions=[0.5])
    ticks.flush(whole=False)
    obstacle.rmdir()
    ticks.count(seconds=0.01, error=False, mirrored=True, user="", predictions=["red"])
    ticks.flush(whole=False)
    found = lines(tmp_path)
    assert sum(tick.requests for tick in found if not tick.mirrored) == 1
    assert sum(tick.errors for tick in found) == 1
    assert [tick.predictions for tick in found if tick.mirrored] == [{"red": 1}]


@pytest.mark.parametrize("kind", ["predictions", "outcomes"])
def test_a_tick_has_a_bounded_size(tmp_path: Path, kind: str) -> None:
    ticks = Ticks(tmp_path, variant="blue", replica="s1", seconds=3600)
    many = [f"label-{number}" for number in range(BUCKETS + 50)]
    if kind == "predictions":
        ticks.count(seconds=0.01, error=False, mirrored=False, user="", predictions=many)
    else:
        for event in many:
            ticks.outcome(event, variant="blue")
    ticks.flush(whole=False)
    counted = getattr(lines(tmp_path)[0], kind)
    assert len(counted) == BUCKETS + 1
    assert counted[OTHER] == 50
