"""Inputs that a request need not have are watched: more of them missing is a change."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from blocks.contracts import ObjectStore
from tasks.drift.alarm import Finding
from tasks.drift.view import Change
from tasks.evaluation.scoring import LoadedModel
from tests.unit.watch.answered import World, minutes, world_of

LACKING = 0.2  # share of the rows of training without a value


def windy(count: int, seed: int, *, lacking: float = LACKING) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    wind = np.where(random.random(count) < lacking, np.nan, random.normal(size=count))
    return minutes(count, seed).assign(wind=wind)


@pytest.fixture
def world(store: ObjectStore) -> World:
    """A model of minutes, which may be told the wind."""
    model = LoadedModel(
        predict=lambda frame: 20 * frame["x"].to_numpy(), columns=("x",), optional=("wind", "gust")
    )
    return world_of(store, model, windy)


def alarms(world: World, rows: pd.DataFrame) -> list[Finding]:
    world.day(0, rows)
    return list(world.look(0).alarms)


def test_an_optional_input_that_is_there_as_often_as_in_training_is_quiet(world: World) -> None:
    assert world.reference.inputs == ("x", "wind")
    assert alarms(world, windy(2000, 40)) == []


def test_an_optional_input_that_is_sent_less_often_is_an_alarm(world: World) -> None:
    found = alarms(world, windy(2000, 41, lacking=0.5))
    assert {(each.column, each.change) for each in found} == {("wind", Change.MISSING)}
    assert found[0].effect == pytest.approx(0.3, abs=0.05)


def test_an_optional_input_that_nobody_sends_any_more_is_missing_in_every_row(
    world: World,
) -> None:
    found = alarms(world, windy(2000, 42).drop(columns="wind"))
    assert {(each.column, each.change) for each in found} == {("wind", Change.MISSING)}


def test_an_optional_input_whose_values_move_is_an_alarm(world: World) -> None:
    found = alarms(world, windy(2000, 43).assign(wind=lambda rows: rows["wind"] + 2))
    assert "wind" in {each.column for each in found}


def test_an_input_that_is_called_as_one_of_our_columns_is_watched_by_its_own_values(
    store: ObjectStore,
) -> None:
    def rows(count: int, seed: int) -> pd.DataFrame:
        users = np.random.default_rng(seed).choice(["old", "new"], count)
        return minutes(count, seed).assign(user=users)

    model = LoadedModel(
        predict=lambda frame: 20 * frame["x"].to_numpy(), columns=("x",), optional=("user",)
    )
    world = world_of(store, model, rows)
    world.day(0, rows(2000, 44))
    report = world.look(0)
    assert report.alarms == ()
    assert {each.column for each in report.columns} >= {"user"}
    world.day(1, rows(2000, 45).assign(user="new"))
    assert "user" in {each.column for each in world.look(1).alarms}
