"""Whoever was thought to be dead and wakes up changes nothing of what another has taken over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from blocks.contracts import Endpoints, ModelRegistry, ModelVersion, Monitor, ObjectStore
from blocks.providers.local.bench import LocalBench
from tasks.rollout.driver import Driver, Ports, Wish
from tasks.rollout.journal import Event, TakenUp
from tasks.rollout.spec import RolloutSpec
from tasks.waiting import Pace

SPEC = RolloutSpec(endpoint="flights", machine="local.small", smoke_request="file:///r")
MODEL = ModelVersion(name="flights", version="2", uri="file:///m", digest="d")


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[Ports]:
    with LocalBench(tmp_path) as bench:
        yield Ports(
            endpoints=bench.connect(Endpoints),
            monitor=bench.connect(Monitor),
            models=bench.connect(ModelRegistry),
            store=bench.connect(ObjectStore),
        )


def driver(ports: Ports) -> Driver:
    wish = Wish(model=MODEL, alias="champion", run="r", spec=SPEC)
    return Driver(ports, wish, Pace(every=timedelta(seconds=0.01)))


def test_it_moves_no_traffic_and_no_alias(ports: Ports) -> None:
    sleeping = driver(ports)
    assert sleeping.take_up()
    sleeping.note(Event.STEP, percent=100)
    assert driver(ports).take_up()
    for change in (lambda: sleeping.split(100), sleeping.promote, sleeping.restore):
        with pytest.raises(TakenUp):
            change()
    assert dict(ports.endpoints.traffic("flights").percent) == {}
    with pytest.raises(TakenUp):
        sleeping.note(Event.RETURNED)
