"""Moving an alias and taking it back, on a real registry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.contracts import ModelRegistry, ModelVersion, Promotion, RunKey
from blocks.providers.local.bench import LocalBench
from tasks.promotion.promotion import ChampionMoved, previous, require_champion, standing
from tasks.promotion.report import card, moves

ALIAS = "champion"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[tuple[ModelRegistry, list[ModelVersion]]]:
    """A registry with three versions of a model."""
    with LocalBench(tmp_path) as bench:
        models = bench.connect(ModelRegistry)  # type: ignore[type-abstract, unused-ignore]
        draft = bench.model_draft()
        keys = [RunKey(run=f"run-{number}", step="register") for number in range(3)]
        yield models, [models.register(draft, key=key) for key in keys]


def promote(models: ModelRegistry, version: ModelVersion, by: str = "test") -> None:
    models.promote(version, ALIAS, replacing=models.resolve(version.name, ALIAS), by=by)


def go_back(models: ModelRegistry) -> str:
    before = previous(models, "bench", ALIAS)
    assert before is not None
    promote(models, before)
    return before.version


def test_a_challenger_that_beat_the_champion_of_now_may_go_on(
    registry: tuple[ModelRegistry, list[ModelVersion]],
) -> None:
    models, (one, _, _) = registry
    require_champion(models, one.name, ALIAS, beaten="")
    promote(models, one)
    require_champion(models, one.name, ALIAS, beaten="1")


def test_a_challenger_that_beat_a_former_champion_is_told_who_came_first(
    registry: tuple[ModelRegistry, list[ModelVersion]],
) -> None:
    models, (one, two, _) = registry
    promote(models, one)
    promote(models, two, by="run-2")
    with pytest.raises(ChampionMoved, match=r"names version 2, moved there by run-2; .* version 1"):
        require_champion(models, one.name, ALIAS, beaten="1")
    with pytest.raises(ChampionMoved, match="compared with no version"):
        require_champion(models, one.name, ALIAS, beaten="")


def test_returns_go_back_one_version_each_and_never_forward(
    registry: tuple[ModelRegistry, list[ModelVersion]],
) -> None:
    models, versions = registry
    for version in versions:
        promote(models, version)
    assert go_back(models) == "2"
    assert go_back(models) == "1"
    assert previous(models, "bench", ALIAS) is None
    promote(models, versions[2])
    assert go_back(models) == "1"


def test_there_is_nothing_to_return_to_without_a_champion(
    registry: tuple[ModelRegistry, list[ModelVersion]],
) -> None:
    models, _ = registry
    assert previous(models, "bench", ALIAS) is None


@given(st.lists(st.sampled_from("12345"), max_size=30))
def test_what_stands_ends_with_the_present_version_and_names_each_once(visits: list[str]) -> None:
    history = [
        Promotion(alias=ALIAS, version=version, replaced=None, at=datetime.now(UTC))
        for version in visits
    ]
    versions = standing(history)
    assert versions[-1:] == visits[-1:]
    assert len(set(versions)) == len(versions)
    assert versions[:1] == visits[:1]


def test_the_card_compares_with_the_version_before(
    registry: tuple[ModelRegistry, list[ModelVersion]],
) -> None:
    models, (one, two, _) = registry
    two = two.model_copy(update={"metrics": {"roc_auc": 0.95, "a|b": 1.0}, "url": "http://x/2"})
    text = card(two, ALIAS, before=one)
    assert "| roc_auc | 0.9500 | 0.9000 |" in text
    assert "a\\|b" in text
    assert "took the place of version 1" in text
    assert two.digest in text
    assert "(http://x/2)" in text
    assert all(name in text and uri in text for name, uri in two.evidence.items())
    promote(models, one)
    promote(models, two)
    rows = moves(models.history("bench", ALIAS))
    assert [(row["version"], row["replaced"]) for row in rows] == [("2", "1"), ("1", "")]
