"""Documents where only a name's being free can be asked."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from pydantic import BaseModel

from blocks.cloud.documents import Documents
from blocks.cloud.numbered import KEPT, Numbered
from blocks.testing.folder_bucket import FolderBucket


class Count(BaseModel):
    value: int = 0


def documents(folder: Path) -> Documents[Count]:
    return Documents(Numbered(FolderBucket(folder)), Count, lambda name: f"docs/{name}")


def test_a_document_is_what_was_written_last(tmp_path: Path) -> None:
    kept = documents(tmp_path)
    assert kept.read("a") is None
    for value in range(1, 12):
        kept.change("a", lambda now, v=value: Count(value=v))  # type: ignore[misc]
    assert kept.read("a") == Count(value=11)
    assert kept.read("b") is None


def test_who_has_read_an_older_state_does_not_write(tmp_path: Path) -> None:
    kept = Numbered(FolderBucket(tmp_path))
    assert kept.swap("d", b"1", etag=None)
    assert not kept.swap("d", b"other", etag=None)
    read = kept.read("d")
    assert read is not None
    assert kept.swap("d", b"2", etag=read[1])
    assert not kept.swap("d", b"late", etag=read[1])
    now = kept.read("d")
    assert now is not None
    assert now[0] == b"2"


def test_no_change_of_many_at_once_is_lost(tmp_path: Path) -> None:
    kept = documents(tmp_path)

    def add() -> None:
        for _ in range(20):
            kept.change("a", lambda now: Count(value=now.value + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept.read("a") == Count(value=80)


def aged(folder: Path, *, but: int = 0) -> None:
    """Have all entries but the last ``but`` written ten days ago."""
    entries = sorted(each for each in folder.iterdir() if each.is_file())
    for each in entries[: len(entries) - but]:
        long_ago = time.time() - 10 * 86400
        os.utime(each, (long_ago, long_ago))


def written(folder: Path, count: int) -> Numbered:
    kept, etag = Numbered(FolderBucket(folder)), None
    for number in range(count):
        assert kept.swap("d", str(number + 1).encode(), etag=etag)
        etag = f"{number + 1:08d}"
    return kept


def test_what_was_replaced_long_ago_is_removed_and_the_first_entries_stay(tmp_path: Path) -> None:
    kept = written(tmp_path, KEPT + 10)
    aged(tmp_path / "d")
    assert kept.swap("d", b"now", etag=f"{KEPT + 10:08d}")
    left = sorted(int(each.name) for each in (tmp_path / "d").iterdir())
    assert left == [*range(1, KEPT + 1), KEPT + 10, KEPT + 11]
    assert kept.read("d") == (b"now", f"{KEPT + 11:08d}")


def test_what_was_replaced_a_moment_ago_stays(tmp_path: Path) -> None:
    written(tmp_path, KEPT + 10)
    assert len(list((tmp_path / "d").iterdir())) == KEPT + 10


@pytest.mark.parametrize("read", [None, f"{KEPT + 1:08d}", f"{KEPT + 5:08d}"])
def test_who_has_read_a_state_that_was_removed_since_replaces_nothing(
    tmp_path: Path, read: str | None
) -> None:
    kept = written(tmp_path, KEPT + 10)
    aged(tmp_path / "d")
    assert kept.swap("d", b"now", etag=f"{KEPT + 10:08d}")
    assert not kept.swap("d", b"late", etag=read)
    assert not kept.swap("d", b"later", etag=f"{KEPT + 3:08d}")  # whatever the other has left
    assert kept.read("d") == (b"now", f"{KEPT + 11:08d}")
    assert kept.swap("d", b"next", etag=f"{KEPT + 11:08d}")
    assert kept.read("d") == (b"next", f"{KEPT + 12:08d}")


def test_a_removal_that_was_broken_off_is_gone_on_with(tmp_path: Path) -> None:
    kept = written(tmp_path, KEPT + 10)
    aged(tmp_path / "d")
    for number in (KEPT + 3, KEPT + 7):  # whatever was removed of them, in whatever order
        (tmp_path / "d" / f"{number:08d}").unlink()
    assert not kept.swap("d", b"late", etag=f"{KEPT + 2:08d}")
    assert kept.swap("d", b"now", etag=f"{KEPT + 10:08d}")
    assert kept.read("d") == (b"now", f"{KEPT + 11:08d}")
    assert not kept.swap("d", b"late", etag=f"{KEPT + 6:08d}")
