"""Copies of checkpoints in another place: made again, resumed from, and never trusted unread."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from blocks.workload import Checkpoints
from blocks.workload.manifest import verify
from blocks.workload.places import Directory
from tests.unit.workload.saved import flip, save, steps


class LossyPlace(Directory):
    """A mount that stops syncing: the first ``losses`` copies arrive damaged."""

    losses = 0

    def put(self, folder: Path, name: str, *, last: str = "") -> None:
        super().put(folder, name, last=last)
        if self.losses:
            self.losses -= 1
            (self.path / name / "state").write_text("")


def test_a_copy_that_arrives_damaged_is_made_again(tmp_path: Path) -> None:
    place = LossyPlace(tmp_path / "there")
    place.losses = 2
    checkpoints = Checkpoints(tmp_path / "here", copy=place)
    save(checkpoints, 1)
    assert verify(tmp_path / "there" / "step-000000000001").step == 1


def test_a_new_machine_resumes_from_the_copy(tmp_path: Path) -> None:
    place = Directory(tmp_path / "there")
    first = Checkpoints(tmp_path / "first", copy=place, keep=2)
    for step in range(1, 5):
        save(first, step)
    assert steps(tmp_path / "there") == ["step-000000000003", "step-000000000004"]
    found = Checkpoints(tmp_path / "second", copy=place).latest()
    assert found is not None
    assert found.step == 4
    assert found.folder.is_relative_to(tmp_path / "second")


def test_a_damaged_copy_is_skipped_and_never_pushes_a_whole_one_out(tmp_path: Path) -> None:
    place = Directory(tmp_path / "there")
    first = Checkpoints(tmp_path / "first", copy=place)
    save(first, 1)
    save(first, 9)
    flip(tmp_path / "there" / "step-000000000009")
    second = Checkpoints(tmp_path / "second", copy=place, keep=1)
    found = second.latest()
    assert found is not None
    assert found.step == 1
    save(second, 2)
    assert steps(tmp_path / "there") == ["step-000000000002"]


def test_a_copy_that_cannot_be_made_does_not_stop_the_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = LossyPlace(tmp_path / "there")
    place.losses = 99
    checkpoints = Checkpoints(tmp_path / "here", copy=place)
    with caplog.at_level(logging.WARNING):
        save(checkpoints, 1)
    assert "copy 3 of step 1" in caplog.text
    found = checkpoints.latest()
    assert found is not None
    assert found.step == 1
