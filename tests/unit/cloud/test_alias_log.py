"""What people see of an alias in a cloud's own registry follows the log, whoever was slow."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.cloud.alias_log import AliasLog
from blocks.contracts import Conflict, Promotion
from blocks.testing.folder_bucket import FolderBucket


class Shown:
    """A registry that shows what it is told, and whose calls may take their time."""

    def __init__(self) -> None:
        self.versions: list[str] = []

    def __call__(self, move: Promotion) -> None:
        self.versions.append(move.version)


def always(version: str) -> bool:
    return True


@pytest.fixture
def log(tmp_path: Path) -> AliasLog:
    return AliasLog(FolderBucket(tmp_path), "models/m/aliases")


def test_a_move_is_shown_also_by_who_asks_for_it_again(log: AliasLog) -> None:
    """Who died in between moved the alias, and did not show it."""
    shown = Shown()
    for _ in range(2):
        log.move("m", "champion", "1", replacing=None, by="run-1", there=always, show=shown)
    assert shown.versions == ["1", "1"]
    assert len(log.moves("champion")) == 1


def test_who_is_overtaken_while_it_shows_a_move_shows_the_winners_at_last(log: AliasLog) -> None:
    shown = Shown()

    def slowly(move: Promotion) -> None:
        if move.version == "1":
            log.move("m", "champion", "2", replacing="1", by="run-2", there=always, show=shown)
        shown(move)

    log.move("m", "champion", "1", replacing=None, by="run-1", there=always, show=slowly)
    assert shown.versions == ["2", "1", "2"]


def test_who_lost_shows_nothing(log: AliasLog) -> None:
    shown = Shown()
    log.move("m", "champion", "1", replacing=None, by="run-1", there=always, show=shown)
    with pytest.raises(Conflict, match="run-1"):
        log.move("m", "champion", "2", replacing=None, by="run-2", there=always, show=shown)
    assert shown.versions == ["1"]


def test_an_alias_of_a_version_that_was_removed_can_be_moved(log: AliasLog) -> None:
    """Whoever asks is told that it points nowhere, and so believes that it replaces nothing."""
    shown, left = Shown(), {"1", "2"}
    there = left.__contains__
    log.move("m", "champion", "1", replacing=None, by="run-1", there=there, show=shown)
    with pytest.raises(Conflict):
        log.move("m", "champion", "2", replacing=None, by="run-2", there=there, show=shown)
    left.remove("1")
    log.move("m", "champion", "2", replacing=None, by="run-2", there=there, show=shown)
    assert [each.version for each in log.moves("champion")] == ["1", "2"]
