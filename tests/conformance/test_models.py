"""What every provider's model registry tells of versions, and how aliases move between them."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence

import pytest

from blocks.contracts import (
    Conflict,
    InvalidRequest,
    ModelRegistry,
    ModelVersion,
    NotFound,
    Promotion,
    RunKey,
    Unsupported,
)
from blocks.testing.bench import Bench
from blocks.testing.crowd import crowd, stranger

CONTRACT = ModelRegistry
KEY = RunKey(run="run-1", step="register")
ALIAS = "champion"


@pytest.fixture
def models(bench: Bench) -> ModelRegistry:
    return bench.connect(ModelRegistry)


@pytest.fixture
def named(models: ModelRegistry) -> ModelRegistry:
    if not models.features.aliases:
        pytest.skip("this registry has no aliases")
    return models


def register(bench: Bench, models: ModelRegistry, kind: str = "threshold") -> ModelVersion:
    return models.register(bench.model_draft(kind=kind), key=KEY)


def test_a_version_is_found_by_name_and_number(bench: Bench, models: ModelRegistry) -> None:
    version = register(bench, models)
    later = bench.connect(ModelRegistry)
    assert later.find(version.name, version.version) == version
    assert later.find(version.name, "2") is None
    assert later.find(version.name, "no number") is None
    assert later.find("unknown", "1") is None


def test_a_version_survives_json(bench: Bench, models: ModelRegistry) -> None:
    version = register(bench, models)
    assert ModelVersion.model_validate_json(version.model_dump_json()) == version


def test_aliases_are_kept_or_refused(bench: Bench, models: ModelRegistry) -> None:
    """A flag may lie neither way: on means it works, off means an early, typed no."""
    version = register(bench, models)
    if models.features.aliases:
        models.promote(version, ALIAS, replacing=None)
        assert models.resolve(version.name, ALIAS) == version
        return
    with pytest.raises(Unsupported):
        models.promote(version, ALIAS, replacing=None)
    with pytest.raises(Unsupported):
        models.resolve(version.name, ALIAS)
    with pytest.raises(Unsupported):
        models.history(version.name, ALIAS)


def test_aliases_are_refused_where_they_are_not_on_offer(
    bench: Bench, models: ModelRegistry, changed: Callable[..., ModelRegistry]
) -> None:
    version, without = register(bench, models), changed(aliases=False)
    for call in (
        lambda: without.promote(version, ALIAS, replacing=None),
        lambda: without.resolve(version.name, ALIAS),
        lambda: without.history(version.name, ALIAS),
    ):
        with pytest.raises(Unsupported):
            call()


def test_an_alias_that_was_never_set_points_nowhere(bench: Bench, named: ModelRegistry) -> None:
    version = register(bench, named)
    assert named.resolve(version.name, ALIAS) is None
    assert named.resolve("unknown", ALIAS) is None
    assert list(named.history("unknown", ALIAS)) == []


def test_every_move_is_in_the_history(bench: Bench, named: ModelRegistry) -> None:
    one, two = register(bench, named), register(bench, named, "constant")
    named.promote(one, ALIAS, replacing=None, by="run-1")
    named.promote(two, ALIAS, replacing=one, by="run-2")
    named.promote(one, ALIAS, replacing=two, by="ana")
    history = list(bench.connect(ModelRegistry).history(one.name, ALIAS))
    assert [(move.version, move.replaced, move.by) for move in history] == [
        ("1", None, "run-1"),
        ("2", "1", "run-2"),
        ("1", "2", "ana"),
    ]
    assert [move.at for move in history] == sorted(move.at for move in history)
    assert all(move.at.tzinfo is not None for move in history)
    assert named.resolve(one.name, ALIAS) == one


def test_promoting_what_is_there_already_does_nothing(bench: Bench, named: ModelRegistry) -> None:
    """A replay of a promotion that was done before it crashed asks with what it believed then."""
    one, two = register(bench, named), register(bench, named, "constant")
    named.promote(one, ALIAS, replacing=None)
    named.promote(one, ALIAS, replacing=None)
    named.promote(two, ALIAS, replacing=one)
    named.promote(two, ALIAS, replacing=one)
    named.promote(two, ALIAS, replacing=two)
    assert len(named.history(one.name, ALIAS)) == 2


def test_a_promotion_that_was_overtaken_is_a_conflict_that_names_the_winner(
    bench: Bench, named: ModelRegistry
) -> None:
    one, two, three = (register(bench, named) for _ in range(3))
    named.promote(one, ALIAS, replacing=None, by="run-1")
    named.promote(two, ALIAS, replacing=one, by="run-2")
    for believed in (one, None):
        with pytest.raises(Conflict, match=r"version 2.*run-2") as caught:
            named.promote(three, ALIAS, replacing=believed)
        assert caught.value.operation == "models.promote"
    assert named.resolve(one.name, ALIAS) == two
    assert len(named.history(one.name, ALIAS)) == 2


def test_a_new_alias_replaces_nothing(bench: Bench, named: ModelRegistry) -> None:
    one, two = register(bench, named), register(bench, named)
    with pytest.raises(Conflict):
        named.promote(two, ALIAS, replacing=one)
    assert named.resolve(one.name, ALIAS) is None


def test_aliases_and_models_are_apart(bench: Bench, named: ModelRegistry) -> None:
    one = register(bench, named)
    draft = bench.model_draft().model_copy(update={"name": "another"})
    other = named.register(draft, key=KEY)
    named.promote(one, ALIAS, replacing=None)
    assert named.resolve(one.name, "shadow") is None
    assert named.resolve(other.name, ALIAS) is None
    named.promote(other, ALIAS, replacing=None)
    named.promote(one, "shadow", replacing=None)
    assert named.resolve(other.name, ALIAS) == other
    assert named.resolve(one.name, ALIAS) == one
    assert [len(named.history(one.name, alias)) for alias in (ALIAS, "shadow")] == [1, 1]


def test_an_unknown_version_cannot_be_promoted(bench: Bench, named: ModelRegistry) -> None:
    one = register(bench, named)
    with pytest.raises(NotFound, match="9"):
        named.promote(one.model_copy(update={"version": "9"}), ALIAS, replacing=None)
    assert named.resolve(one.name, ALIAS) is None
    assert list(named.history(one.name, ALIAS)) == []


def test_a_bad_alias_is_refused_and_leaves_no_trace(bench: Bench, named: ModelRegistry) -> None:
    one = register(bench, named)
    for alias in ("", "two words", "a/b", "latest", "v3"):
        with pytest.raises(InvalidRequest):
            named.promote(one, alias, replacing=None)
        assert list(named.history(one.name, alias)) == [], alias


def test_of_many_that_promote_at_once_exactly_one_wins(bench: Bench, named: ModelRegistry) -> None:
    """Again and again: whoever wins is everybody's truth, and all others are told."""
    if not named.features.guarded_promotion:
        pytest.skip("this provider says that the last write wins")
    versions = [register(bench, named) for _ in range(5)]
    for number in range(3):
        before = named.resolve("bench", ALIAS)
        racing = [each for each in versions if each != before]
        calls = [
            ((each, ALIAS), {"replacing": before, "by": f"run {each.version}"}) for each in racing
        ]
        with crowd(named, "promote", calls) as strangers:
            told = [each.told() for each in strangers]
        won = [each for each, answer in zip(racing, told, strict=True) if answer is None]
        assert len(won) == 1, told
        assert {type(answer) for answer in told} == {type(None), Conflict}, told
        assert named.resolve("bench", ALIAS) == won[0]
        last = named.history("bench", ALIAS)[-1]
        assert (last.version, last.by) == (won[0].version, f"run {won[0].version}")
        assert len(named.history("bench", ALIAS)) == number + 1


def test_a_promoter_killed_at_any_moment_leaves_alias_and_history_at_one(
    bench: Bench, named: ModelRegistry
) -> None:
    """Whatever it had done, the alias is old or new, and the next promotion goes through."""
    versions, moments = [register(bench, named) for _ in range(2)], random.Random(7)
    named.promote(versions[0], ALIAS, replacing=None, by="first")
    for number in range(10):
        before = named.resolve("bench", ALIAS)
        assert before is not None
        after = next(each for each in versions if each != before)
        dying = stranger(named, "promote", after, ALIAS, replacing=before, by=f"dying {number}")
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.2))
        dying.kill()
        history = named.history("bench", ALIAS)
        now = named.resolve("bench", ALIAS)
        assert now is not None
        assert now in (before, after)
        assert now.version == history[-1].version
        assert chained(history)
    other = next(each for each in versions if each != named.resolve("bench", ALIAS))
    named.promote(other, ALIAS, replacing=named.resolve("bench", ALIAS), by="last")
    assert named.resolve("bench", ALIAS) == other


def chained(moves: Sequence[Promotion]) -> bool:
    """Whether each move replaced what the one before had set."""
    before: list[str | None] = [None, *(move.version for move in moves)]
    return [move.replaced for move in moves] == before[:-1]
