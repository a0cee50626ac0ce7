"""Checkpoints are whole or not there, whatever happens to the disk or the process."""

from __future__ import annotations

import json
import logging
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.workload import Checkpoints, CorruptCheckpoint, best_interval
from blocks.workload.manifest import verify
from tests.unit.workload.saved import flip, save, steps


class Clock:
    """Time that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_newest_is_found_with_its_step_and_metrics(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.metrics = {"loss": 0.5}
    save(checkpoints, 1)
    save(checkpoints, 20)
    found = Checkpoints(tmp_path).latest()
    assert found is not None
    assert (found.step, found.metrics) == (20, {"loss": 0.5})
    assert (found.folder / "state").read_text() == "state 20"


def test_none_is_found_where_none_was_saved(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "new").latest() is None


def _truncate(folder: Path) -> None:
    (folder / "state").write_text("")


def _lose(folder: Path) -> None:
    (folder / "state").unlink()


def _forget(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _tear(folder: Path) -> None:
    raw = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(raw[: len(raw) // 2])


def _lie(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["body"]["step"] = 99
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("damage", [_truncate, flip, _lose, _forget, _tear, _lie])
def test_a_damaged_newest_is_skipped_and_said(
    tmp_path: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1)
    save(checkpoints, 2)
    damage(tmp_path / "step-000000000002")
    with pytest.raises(CorruptCheckpoint):
        verify(tmp_path / "step-000000000002")
    with caplog.at_level(logging.WARNING):
        found = Checkpoints(tmp_path).latest()
    assert found is not None
    assert found.step == 1
    assert "step-000000000002" in caplog.text


def test_a_damaged_newer_one_never_pushes_a_whole_one_out(tmp_path: Path) -> None:
    """After falling back to step 1, step 2 saved anew must outlive the damaged step 9."""
    save(Checkpoints(tmp_path), 1)
    save(Checkpoints(tmp_path), 9)
    flip(tmp_path / "step-000000000009")
    again = Checkpoints(tmp_path, keep=1)
    save(again, 2)
    found = Checkpoints(tmp_path).latest()
    assert found is not None
    assert found.step == 2


def test_an_exception_while_saving_leaves_the_one_before(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1)
    with pytest.raises(KeyError), checkpoints.saving(2) as folder:
        (folder / "state").write_text("half")
        raise KeyError("bug")
    found = checkpoints.latest()
    assert found is not None
    assert found.step == 1
    assert steps(tmp_path) == ["step-000000000001"]


def test_saving_a_step_again_replaces_it(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    save(checkpoints, 1, "old")
    save(checkpoints, 1, "new")
    found = checkpoints.latest()
    assert found is not None
    assert (found.folder / "state").read_text() == "new 1"


def test_a_kill_while_a_step_is_replaced_leaves_the_old_one(tmp_path: Path) -> None:
    """What the disk looks like between the two renames."""
    save(Checkpoints(tmp_path, keep=1), 1)
    (tmp_path / "step-000000000001").rename(tmp_path / ".replaced-step-000000000001")
    found = Checkpoints(tmp_path).latest()
    assert found is not None
    assert found.step == 1


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    for step in range(1, 6):
        save(checkpoints, step)
    assert steps(tmp_path) == ["step-000000000004", "step-000000000005"]


def test_keeping_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Checkpoints(tmp_path, keep=0)


def test_a_save_is_due_when_the_given_interval_is_over(tmp_path: Path) -> None:
    clock = Clock()
    checkpoints = Checkpoints(tmp_path, interval=10, clock=clock)
    assert not checkpoints.due()
    clock.now = 10
    assert checkpoints.due()
    save(checkpoints, 1)
    assert not checkpoints.due()


def test_the_interval_follows_the_measured_time_of_a_save(tmp_path: Path) -> None:
    clock = Clock()
    checkpoints = Checkpoints(tmp_path, interruptions_per_hour=2, clock=clock)
    with checkpoints.saving(1) as folder:
        (folder / "state").write_text("1")
        clock.now += 30
    assert checkpoints.interval == pytest.approx(best_interval(30, 1800))
    with checkpoints.saving(2) as folder:
        (folder / "state").write_text("2")
        clock.now += 90
    assert checkpoints.interval == pytest.approx(best_interval(90, 1800))


def test_more_interruptions_mean_more_checkpoints(tmp_path: Path) -> None:
    seldom = Checkpoints(tmp_path, interruptions_per_hour=0.1)
    often = Checkpoints(tmp_path, interruptions_per_hour=10)
    assert often.interval < seldom.interval


def test_a_notice_makes_a_save_due_once(tmp_path: Path) -> None:
    noticed = False
    checkpoints = Checkpoints(tmp_path, interval=1e9, noticed=lambda: noticed)
    assert not checkpoints.due()
    noticed = True
    assert checkpoints.due()
    save(checkpoints, 1)
    assert not checkpoints.due()


FILLS_THE_DISK = """
import resource, sys
from pathlib import Path
from blocks.workload import Checkpoints
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
checkpoints = Checkpoints(Path(sys.argv[1]), keep=2)
for step, size in ((1, 10_000), (2, 20_000), (3, 90_000), (4, 30_000)):
    with checkpoints.saving(step) as folder:
        (folder / "state").write_bytes(b"x" * size)
    print(step, checkpoints.latest().step, flush=True)
"""


def test_a_full_disk_costs_one_checkpoint_and_not_the_training(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILLS_THE_DISK, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["1 1", "2 2", "3 2", "4 4"]
    assert "step 3 not saved, the disk is full" in done.stderr
    assert steps(tmp_path) == ["step-000000000002", "step-000000000004"]


SAVES_ALL_THE_TIME = """
import sys
from pathlib import Path
from blocks.workload import Checkpoints
checkpoints = Checkpoints(Path(sys.argv[1]), interval=0, keep=2)
start = checkpoints.latest()
step = start.step if start else 0
while True:
    step += 1
    with checkpoints.saving(step) as folder:
        (folder / "state").write_bytes(str(step).encode() * 5000)
    print(step, flush=True)
"""


def test_kill_nine_at_any_moment_loses_no_finished_save(tmp_path: Path) -> None:
    """Every life goes on where the one before had got to; what was announced is there."""
    moments = random.Random(3)
    announced = 0
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", SAVES_ALL_THE_TIME, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(moments.randrange(1, 12)):
            announced = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        told = [int(line) for line in process.communicate()[0].splitlines() if line.strip()]
        announced = max([announced, *told])
        found = Checkpoints(tmp_path).latest()
        assert found is not None
        assert found.step in (announced, announced + 1)  # finished, but killed before it said so
        assert (found.folder / "state").read_bytes() == str(found.step).encode() * 5000
    save(Checkpoints(tmp_path, keep=1), 10**6)
    assert steps(tmp_path) == ["step-000001000000"], "drafts of the killed are swept"
