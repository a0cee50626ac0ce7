"""A rollout of what serves already, with nothing before it: it ends, and green goes on serving."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from blocks.contracts import Endpoints, ModelRegistry, Monitor, ObjectStore
from blocks.providers.local.bench import LocalBench
from blocks.testing.deploying import KEY, give
from tasks.rollout.driver import Driver, NoWayBack, Ports, Wish
from tasks.rollout.journal import Event, Journal, is_open
from tasks.rollout.spec import RolloutSpec
from tasks.rollout.stage import roll_out, take_back
from tasks.waiting import Pace

PACE = Pace(every=timedelta(seconds=0.1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An endpoint whose only version has all traffic, and what is wished of it once more."""

    ports: Ports
    wish: Wish

    def over(self) -> bool:
        """Whether the journal is closed, so that others may begin."""
        entries = Journal(self.ports.store, "bench", by="me").current()
        return not is_open(entries) and entries[-1].event is Event.FINISHED

    def shares(self) -> dict[str, int]:
        return dict(self.ports.endpoints.traffic("bench").percent)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    asked = tmp_path / "request.json"
    asked.write_text('{"dataframe_records": [{"no": "such column"}]}')
    spec = RolloutSpec(endpoint="bench", machine="local.small", smoke_request=asked.as_uri())
    with LocalBench(tmp_path) as bench:
        model = bench.variant_request().model
        wish = Wish(model=model, alias="champion", run="again", spec=spec)
        ports = Ports(
            endpoints=bench.connect(Endpoints),
            monitor=bench.connect(Monitor),
            models=bench.connect(ModelRegistry),
            store=bench.connect(ObjectStore),
        )
        bench.settle(ports.endpoints.deploy(wish.request(), key=KEY))
        give(ports.endpoints, **{wish.request().variant: 100})
        yield Scene(ports=ports, wish=wish)


def test_one_that_does_not_keep_its_contract_keeps_the_traffic_and_frees_the_endpoint(
    scene: Scene,
) -> None:
    wish = scene.wish
    with pytest.raises(NoWayBack, match="keep the contract"):
        roll_out.fn(scene.ports, wish.spec, wish.model, alias=wish.alias, run=wish.run, pace=PACE)
    assert scene.shares() == {"v1": 100}
    assert scene.over()


def test_who_wants_it_back_is_told_and_frees_the_endpoint(scene: Scene) -> None:
    assert Driver(scene.ports, scene.wish, PACE).take_up()  # and dies
    with pytest.raises(NoWayBack, match="nothing was before"):
        take_back.fn(scene.ports, "bench", why="asked by hand", run="back", pace=PACE)
    assert scene.shares() == {"v1": 100}
    assert scene.over()
