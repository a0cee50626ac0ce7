"""A disk that is full: what was there stays whole, the message says so, and the next try goes on.

The disk is a real one of a few megabytes, mounted where only the process under test sees it.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SMALL = ("unshare", "--user", "--map-root-user", "--mount")


def _may_mount() -> bool:
    if not shutil.which("unshare"):
        return False
    trial = "mount -t tmpfs -o size=1m tmpfs /mnt"
    return subprocess.run([*SMALL, "sh", "-c", trial], capture_output=True).returncode == 0  # noqa: PLW1510


pytestmark = pytest.mark.skipif(not _may_mount(), reason="this machine lets nobody mount a disk")


def on_a_small_disk(tmp_path: Path, script: str, *, megabytes: int) -> list[str]:
    """Run ``script`` with ``disk``, a path that holds so many megabytes; return what it prints."""
    disk = tmp_path / "disk"
    disk.mkdir()
    head = f"from pathlib import Path\ndisk = Path({str(disk)!r})\n"
    mount = f"mount -t tmpfs -o size={megabytes}m tmpfs '{disk}' && exec \"$@\""
    done = subprocess.run(
        [*SMALL, "sh", "-c", mount, "sh", sys.executable, "-c", head + textwrap.dedent(script)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_an_object_that_does_not_fit_leaves_the_one_before_and_no_part(tmp_path: Path) -> None:
    said = on_a_small_disk(
        tmp_path,
        """
        from blocks.contracts import Unavailable
        from blocks.providers.local.account import LocalMachine
        from blocks.providers.local.store import LocalStore

        store = LocalStore(machine=LocalMachine(workspace=disk))
        uri = f"{store.root}/runs/report"
        store.write(uri, b"before")
        try:
            store.write(uri, bytes(8 << 20))
        except Unavailable as error:
            print(error)
        print(store.read(uri).decode())
        print(sum(len(file.read_bytes()) for file in Path(disk).rglob("*") if file.is_file()))
        store.write(uri, b"after")
        print(store.read(uri).decode())
        """,
        megabytes=4,
    )
    assert "No space left on device" in said[0]
    assert said[1] == "before"
    assert int(said[2]) < 1000
    assert said[3] == "after"


def test_training_goes_on_past_a_checkpoint_that_does_not_fit(tmp_path: Path) -> None:
    """Hours of work are worth more than one checkpoint: the one before stays, the log says so."""
    said = on_a_small_disk(
        tmp_path,
        """
        import logging
        import sys
        from blocks.workload import Checkpoints

        logging.basicConfig(stream=sys.stdout)
        checkpoints = Checkpoints(disk / "checkpoints")
        with checkpoints.saving(1) as folder:
            (folder / "state").write_text("one")
        with checkpoints.saving(2) as folder:
            (folder / "state").write_bytes(bytes(8 << 20))
        found = Checkpoints(disk / "checkpoints").latest()
        print(found.step, (found.folder / "state").read_text())
        with Checkpoints(disk / "checkpoints").saving(3) as folder:
            (folder / "state").write_text("three")
        print(Checkpoints(disk / "checkpoints").latest().step)
        """,
        megabytes=4,
    )
    assert "step 2 not saved, the disk is full" in said[0]
    assert said[1:] == ["1 one", "3"]


def test_a_journal_that_cannot_be_written_stops_before_the_act(tmp_path: Path) -> None:
    """Nothing is done that is not written down; with space again, the same entry is written."""
    said = on_a_small_disk(
        tmp_path,
        """
        from datetime import UTC, datetime
        from blocks.contracts import Unavailable
        from blocks.providers.local.account import LocalMachine
        from blocks.providers.local.store import LocalStore
        from tasks.rollout.journal import Entry, Event, Journal

        store = LocalStore(machine=LocalMachine(workspace=disk))
        journal = Journal(store, "flights", by="me")
        entry = Entry(number=0, at=datetime.now(UTC), run="r", by="", event=Event.BEGUN)
        journal.append(entry)
        filler = disk / "filler"
        try:
            with filler.open("wb") as out:
                while True:
                    out.write(bytes(4096))
                    out.flush()
        except OSError:
            pass
        try:
            journal.append(entry.model_copy(update={"event": Event.LIVE}))
        except Unavailable as error:
            print(error)
        print([each.event.value for each in Journal(store, "flights", by="me").current()])
        filler.unlink()
        print(journal.append(entry.model_copy(update={"event": Event.LIVE})).number)
        """,
        megabytes=1,
    )
    assert "No space left on device" in said[0]
    assert said[1:] == ["['begun']", "1"]
