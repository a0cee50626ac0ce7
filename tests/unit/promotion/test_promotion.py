"""Moving an alias and taking it back, on a real registry."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.contracts import Conflict, ModelRegistry, ModelVersion, Promotion, RunKey
from blocks.providers.local.bench import LocalBench
from tasks.promotion.promotion import (
    NoVersionBefore,
    Promoted,
    champion,
    planned_return,
    promote_to_champion,
    return_to_previous,
    standing,
)
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


def promote(models: ModelRegistry, version: ModelVersion) -> None:
    models.promote(version, ALIAS, replacing=models.resolve(version.name, ALIAS), by="test")


def go_back(models: ModelRegistry, name: str) -> str:
    planned = planned_return(models, name, ALIAS)
    return return_to_previous(models, planned, by="test").version.version


def test_a_challenger_takes_the_place_of_the_champion_it_beat(
    registry: tuple[ModelRegistry, list[ModelVersion]],
) -> None:
    models, (one, two, _) = registry
    assert champion(models, one.name, ALIAS) is None
    assert promote_to_champion(models, one, ALIAS, beaten=None, by="run-1").moved
    promoted = promote_to_champion(models, two, ALIAS, beaten=one, by="run-2")
    assert promoted == promote_to_champion(models, two, ALIAS, beaten=one, by="run-2")
    assert champion(models, one.name, ALIAS) == two


def test_a_challenger_that_beat_a_former_champion_is_refused(
    registry: tuple[ModelRegistry, list[ModelVersion]],
) -> None:
    models, (one, two, three) = registry
    promote(models, one)
    promote(models, two)
    with pytest.raises(Conflict):
        promote_to_champion(models, three, ALIAS, beaten=one, by="run-3")
    assert champion(models, one.name, ALIAS) == two


def test_returns_go_back_one_version_each_and_never_forward(
    registry: tuple[ModelRegistry, list[ModelVersion]],
) -> None:
    models, versions = registry
    for version in versions:
        promote(models, version)
    assert go_back(models, "bench") == "2"
    assert go_back(models, "bench") == "1"
    with pytest.raises(NoVersionBefore, match="champion"):
        planned_return(models, "bench", ALIAS)
    promote(models, versions[2])
    assert go_back(models, "bench") == "1"


def test_a_return_that_is_repeated_goes_back_once(
    registry: tuple[ModelRegistry, list[ModelVersion]],
) -> None:
    models, versions = registry
    for version in versions:
        promote(models, version)
    planned = planned_return(models, "bench", ALIAS)
    return_to_previous(models, planned, by="test")
    return_to_previous(models, planned, by="test")
    assert champion(models, "bench", ALIAS) == versions[1]


def test_there_is_nothing_to_return_to_without_a_champion(
    registry: tuple[ModelRegistry, list[ModelVersion]],
) -> None:
    models, _ = registry
    with pytest.raises(NoVersionBefore):
        planned_return(models, "bench", ALIAS)


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
    text = card(Promoted(alias=ALIAS, version=two, replaced=one))
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
