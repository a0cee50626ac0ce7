"""The audit log: nothing is lost, nothing is changed unseen, and two writers keep one chain."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.contracts import ObjectStore, Unsupported
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.store import LocalStore
from blocks.testing.memory_store import MemoryStore
from blocks.testing.waiting import until
from tasks.audit.entries import Act, Deed
from tasks.audit.log import AuditLog
from tasks.audit.verify import verify

ROOT = Path(__file__).parents[3]
AT = datetime(2026, 1, 1, tzinfo=UTC)


def deed(number: int, who: str = "ann@here") -> Deed:
    return Deed(
        id=f"{who}/{number}",
        act=Act.SHIFT,
        subject="flights",
        what=f"v2 gets {number} %",
        who=who,
        why="no harm seen",
        run="r1",
        at=AT + timedelta(minutes=number),
    )


@pytest.fixture
def log(store: ObjectStore) -> AuditLog:
    log = AuditLog(store)
    for number in range(6):
        log.append(deed(number))
    return log


def line_file(store: ObjectStore, number: int) -> str:
    return f"{store.root}/audit/lines/{number:012d}.json"


def test_what_was_done_is_read_back_with_who_and_why(log: AuditLog) -> None:
    assert [line.deed for line in log.back()] == [deed(number) for number in reversed(range(6))]
    assert verify(log).problems == ()
    assert verify(log).lines == 6


def test_a_log_without_lines_is_sound(store: ObjectStore) -> None:
    assert verify(AuditLog(store)).problems == ()
    assert list(AuditLog(store).back()) == []


@pytest.mark.parametrize("number", range(6))
def test_a_line_that_was_changed_is_found(log: AuditLog, store: ObjectStore, number: int) -> None:
    uri = line_file(store, number)
    store.write(uri, store.read(uri).replace(b"ann@here", b"bob@here"))
    assert verify(log).problems != ()


@pytest.mark.parametrize("number", range(6))
def test_a_line_that_was_removed_is_found(log: AuditLog, store: ObjectStore, number: int) -> None:
    store.remove(line_file(store, number))
    assert verify(log).problems != ()


def test_two_lines_that_changed_places_are_found(log: AuditLog, store: ObjectStore) -> None:
    second, third = (store.read(line_file(store, number)) for number in (2, 3))
    store.write(line_file(store, 2), third)
    store.write(line_file(store, 3), second)
    assert verify(log).problems != ()


def test_a_line_that_was_put_in_from_outside_is_found(log: AuditLog, store: ObjectStore) -> None:
    store.write(line_file(store, 6), store.read(line_file(store, 5)))
    assert verify(log).problems != ()
    store.write(line_file(store, 6), b"no line")
    assert verify(log).problems != ()


def test_a_chain_that_was_written_anew_is_found_by_a_digest_that_was_kept(
    log: AuditLog, store: ObjectStore
) -> None:
    """Who may write everything can forge everything but what others have noted."""
    kept = verify(log).head
    for each in list(store.walk(f"{store.root}/audit")):
        store.remove(each.uri)
    forged = AuditLog(store)
    for number in range(6):
        forged.append(deed(number, who="mallory@there"))
    assert verify(forged).problems == ()
    assert verify(forged, head=kept).problems != ()


def test_a_digest_that_was_kept_still_counts_after_more_was_written(log: AuditLog) -> None:
    kept = verify(log).head
    log.append(deed(7))
    assert verify(log, head=kept).problems == ()


def test_a_deed_that_a_replay_says_again_is_written_once(log: AuditLog) -> None:
    assert log.once(deed(2)) == 0
    assert log.once(deed(2), deed(9), deed(10)) == 2
    assert log.once(deed(9), deed(10)) == 0
    assert verify(log).lines == 8


def test_a_store_that_cannot_tell_two_writers_apart_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weak = MemoryStore("audit")
    features = MemoryStore.features.__class__(conditional_write=False, scheme="memory")
    monkeypatch.setattr(MemoryStore, "features", features)
    with pytest.raises(Unsupported):
        AuditLog(weak).append(deed(1))


def write_many(workspace: Path, who: str, count: int) -> None:
    log = AuditLog(LocalStore(machine=LocalMachine(workspace=workspace)))
    for number in range(count):
        log.append(deed(number, who=who))


def test_processes_that_write_at_once_keep_one_chain(tmp_path: Path, store: ObjectStore) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [
        context.Process(target=write_many, args=(tmp_path / "workspace", who, 20))
        for who in ("ann", "bob", "eve")
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    log = AuditLog(store)
    assert verify(log).problems == ()
    assert {line.deed.id for line in log.back()} == {
        f"{who}/{number}" for who in ("ann", "bob", "eve") for number in range(20)
    }
    assert verify(log).lines == 60


ENDLESS = """
import itertools, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.unit.audit.test_audit_log import write_many
write_many(Path({workspace!r}), sys.argv[1], 1_000_000)
"""


def killed_writers(workspace: Path, lines: Callable[[], int]) -> Iterator[int]:
    """Yield after each of a few writers that were killed while they wrote."""
    code = ENDLESS.format(root=str(ROOT), workspace=str(workspace))
    for turn in range(3):
        before = lines()
        writer = subprocess.Popen([sys.executable, "-c", code, f"writer-{turn}"], cwd=ROOT)
        until(lambda before=before: lines() > before + 5)  # type: ignore[misc]
        writer.kill()
        writer.wait()
        yield turn


def test_a_writer_that_is_killed_leaves_a_sound_chain_that_goes_on(
    tmp_path: Path, store: ObjectStore
) -> None:
    log = AuditLog(store)
    for turn in killed_writers(tmp_path / "workspace", lambda: len(log.numbers())):
        assert verify(log).problems == ()
        log.append(deed(turn))
    assert verify(log).problems == ()
