"""Documents where only a name's being free can be asked."""

from __future__ import annotations

import threading
from pathlib import Path

from pydantic import BaseModel

from blocks.cloud.documents import Documents
from blocks.cloud.numbered import Numbered
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
