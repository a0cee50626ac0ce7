"""Processes of this machine that carry our mark."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from blocks.providers.aws.account import AwsAccount
from blocks.providers.local import processes
from blocks.testing.waiting import until

TELLS = "from blocks.providers.aws.account import AwsAccount; print(AwsAccount().owner, flush=True)"


@pytest.mark.parametrize("owner", ["", "team-a"])
def test_a_process_of_this_machine_has_the_owner_that_clouds_know_us_by(
    owner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUEWATER_OWNER", owner)
    log = tmp_path / "log"
    processes.spawn(
        [sys.executable, "-c", TELLS], owner="workspace", resource="service/worker", log=log
    )
    until(lambda: log.read_text().endswith("\n"))
    assert log.read_text().strip() == AwsAccount().owner


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[processes.Identity]:
    """Return a process that waits until it is stopped."""
    words = ["sleep", "infinity"]
    spawned = processes.spawn(words, owner=str(tmp_path), resource="job/1", log=tmp_path / "log")
    yield spawned
    processes.stop(spawned, grace=0)


def set_clock(monkeypatch: pytest.MonkeyPatch, folder: Path, *, seconds: int) -> None:
    """Let the kernel tell what it tells after the time of day was set: a machine's start moves."""
    folder.mkdir()
    for place in Path("/proc").iterdir():
        if place.name != "stat":
            (folder / place.name).symlink_to(place)
    lines = Path("/proc/stat").read_text().splitlines()
    moved = [
        f"btime {int(line.split()[1]) + seconds}" if "btime" in line else line for line in lines
    ]
    (folder / "stat").write_text("\n".join(moved))
    before = psutil.boot_time()
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(folder))
    assert psutil.boot_time() == before + seconds


@pytest.mark.parametrize("seconds", [-3600, 7])
def test_a_process_is_known_again_after_the_clock_was_set(
    waiting: processes.Identity, seconds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = waiting.created
    set_clock(monkeypatch, tmp_path / "proc", seconds=seconds)
    assert processes.alive(waiting)
    assert [each.identity for each in processes.owned(str(tmp_path))] == [waiting]
    assert (waiting.created - created).total_seconds() == seconds
    processes.stop(waiting, grace=5)
    assert not processes.alive(waiting)


def test_a_note_of_an_earlier_version_is_understood(waiting: processes.Identity) -> None:
    started = psutil.Process(waiting.pid).create_time()
    noted = processes.Identity.model_validate({"pid": waiting.pid, "started": started})
    assert processes.alive(noted)
    assert noted.created == waiting.created
    assert not processes.alive(noted.model_copy(update={"started": started - 1}))


def test_a_pid_that_another_process_has_now_is_not_the_one_before(
    waiting: processes.Identity,
) -> None:
    assert not processes.alive(waiting.model_copy(update={"started": waiting.started - 1}))
    assert not processes.alive(waiting.model_copy(update={"boot": "another"}))
