"""A job works in a copy of its source: nobody else meets what it writes there."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from blocks.contracts import Inventory, Phase
from blocks.providers.local import processes, working_copy
from blocks.providers.local.jobs import Command, Ended, Started
from blocks.providers.local.training import LocalTraining
from blocks.providers.local.working_copy import Copied
from blocks.testing.bench import Bench
from blocks.testing.scripts import WAITS_FOR_A_LEVER
from blocks.testing.waiting import until
from tests.unit.local.begun_jobs import KEY, folder_of

WRITES = """
from pathlib import Path
Path("notes").write_text(Path("notes").read_text() + "mine")
Path("made").write_text("")
print(sorted(str(each) for each in Path().rglob("*")), flush=True)
"""


def test_two_jobs_of_one_source_write_neither_over_each_other_nor_over_the_source(
    bench: Bench, jobs: LocalTraining
) -> None:
    request = bench.training_request(script=WRITES + WAITS_FOR_A_LEVER)
    source = Path(request.source_uri.removeprefix("file://"))
    (source / "notes").write_text("yours and ")
    refs = [jobs.submit(request, key=key) for key in (KEY, KEY.next())]
    for ref in refs:
        until(lambda ref=ref: "waiting" in folder_of(jobs, ref).log.read_text())  # type: ignore[misc]
        assert (folder_of(jobs, ref).source / "notes").read_text() == "yours and mine"
    assert (source / "notes").read_text() == "yours and "
    assert sorted(each.name for each in source.iterdir()) == ["notes", "train.py"]
    for ref in refs:
        bench.succeed(ref)
        assert jobs.status(ref).phase is Phase.SUCCEEDED
        assert not folder_of(jobs, ref).source.exists()


def test_the_workspace_is_no_part_of_a_source_that_it_lies_in(
    bench: Bench, jobs: LocalTraining
) -> None:
    request = bench.training_request(script=WRITES)
    source = jobs.machine.workspace.parent
    for name, text in {"notes": "", "train.py": WRITES}.items():
        (source / name).write_text(text)
    ref = jobs.submit(request.model_copy(update={"source_uri": source.as_uri()}), key=KEY)
    bench.settle(ref)
    told = folder_of(jobs, ref).log.read_text()
    assert "train.py" in told
    assert jobs.machine.workspace.name not in told


def test_a_copy_that_was_cut_off_goes_with_its_job(bench: Bench, jobs: LocalTraining) -> None:
    """Its runner was killed before there was a command."""
    bench.begin(ref := jobs.submit(bench.training_request(), key=KEY))
    folder = folder_of(jobs, ref)
    command, started = folder.read(Command), folder.read(Started)
    assert command is not None
    assert started is not None
    os.kill(started.runner.pid, signal.SIGKILL)
    os.kill(command.process.pid, signal.SIGKILL)
    until(lambda: not processes.alive(command.process) and not processes.alive(started.runner))
    (folder.path / "command.json").unlink()
    assert folder.source.exists()
    assert jobs.status(ref).phase is Phase.INTERRUPTED
    assert not folder.source.exists()


def test_a_job_that_is_taken_down_leaves_no_copy(bench: Bench, jobs: LocalTraining) -> None:
    bench.begin(ref := jobs.submit(bench.training_request(), key=KEY))
    inventory = bench.connect(Inventory)
    [mine] = [each for each in inventory.owned() if each.id == ref.id]
    inventory.remove(mine)
    assert not folder_of(jobs, ref).source.exists()
    ended = folder_of(jobs, ref).read(Ended)
    assert ended is not None
    assert ended.phase is Phase.CANCELLED


def test_links_lead_where_they_led_and_files_keep_what_they_may(tmp_path: Path) -> None:
    source, target, lake = tmp_path / "source", tmp_path / "target", tmp_path / "lake"
    for folder in (source / "lib" / "__pycache__", lake):
        folder.mkdir(parents=True)
    (lake / "rows").write_text("1")
    (source / "lib" / "tool.sh").write_text("#!/bin/sh")
    (source / "lib" / "tool.sh").chmod(0o755)
    (source / "rows").symlink_to(lake / "rows")
    (source / "lake").symlink_to("../lake")
    (source / "lib" / "again").symlink_to("../lib")
    (source / "nowhere").symlink_to("gone")
    os.mkfifo(source / "pipe")
    assert working_copy.copy(source, target, without=()) == Copied(files=2, bytes=10)
    assert sorted(each.name for each in target.iterdir()) == ["lake", "lib", "rows"]
    assert sorted(each.name for each in (target / "lib").iterdir()) == ["again", "tool.sh"]
    assert not (target / "rows").is_symlink()
    assert (target / "lake").resolve() == lake
    assert (target / "lib" / "again").resolve() == target / "lib"
    assert os.access(target / "lib" / "tool.sh", os.X_OK)
    working_copy.drop(target)
    working_copy.drop(target)
    assert (lake / "rows").read_text() == "1"


def test_much_to_copy_is_told(tmp_path: Path) -> None:
    assert Copied(files=3, bytes=1000).told(tmp_path) == ""
    assert "2.0 GB in 3,000 files" in Copied(files=3000, bytes=2 * 10**9).told(tmp_path)
