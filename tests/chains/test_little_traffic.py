"""Where nobody asks, nothing can be shown: the specification says what happens then."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest

from blocks.contracts import RunKey
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.models import LocalModels
from blocks.providers.local.monitor import LocalMonitor
from blocks.providers.local.store import LocalStore
from blocks.testing.models import make_model
from blocks.testing.waiting import until
from tasks.rollout.driver import Ports
from tasks.rollout.journal import TakenUp
from tasks.rollout.report import RolloutReport
from tasks.rollout.spec import RolloutSpec
from tasks.rollout.stage import roll_out, take_back
from tasks.waiting import Pace

Policy = Literal["return", "go_on", "hold"]
PACE = Pace(every=timedelta(seconds=0.2))


class World:
    """An endpoint with a version on it that nobody asks."""

    def __init__(self, folder: Path, workspace: Path) -> None:
        machine = LocalMachine(workspace=workspace)
        self.folder = folder
        self.ports = Ports(
            endpoints=LocalEndpoints(machine=machine),
            monitor=LocalMonitor(machine=machine),
            models=LocalModels(machine=machine),
            store=LocalStore(machine=machine),
        )
        (folder / "request.json").write_text('{"dataframe_records": [{"x": 0.7, "n": 1}]}')

    def roll_out(self, kind: str, policy: Policy) -> RolloutReport:
        """Give a version a minute's worth of steps in a second."""
        model = self.ports.models.register(
            make_model(self.folder / kind, kind=kind), key=RunKey(run=kind, step="register")
        )
        spec = RolloutSpec(
            endpoint="bench",
            machine="local.small",
            smoke_request=(self.folder / "request.json").as_uri(),
            shadow=None,
            steps=(50, 100),
            step_duration=timedelta(seconds=0),
            patience=timedelta(seconds=1),
            on_little_traffic=policy,
            bake=timedelta(0),
        )
        return roll_out.fn(self.ports, spec, model, alias="champion", run=f"to-{kind}", pace=PACE)


@pytest.fixture
def world(tmp_path: Path, workspace: Path) -> World:
    world = World(tmp_path, workspace)
    assert world.roll_out("threshold", "return").live
    return world


@pytest.mark.slow
def test_a_version_that_nobody_asked_is_given_back(world: World) -> None:
    report = world.roll_out("same", "return")
    assert not report.live
    assert "not enough traffic" in report.why


@pytest.mark.slow
def test_a_version_that_nobody_asked_goes_live_if_the_specification_says_so(world: World) -> None:
    assert world.roll_out("same", "go_on").live


@pytest.mark.slow
def test_a_version_that_nobody_asked_is_held_until_somebody_takes_it_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    stopped: list[type[BaseException]] = []

    def hold() -> None:
        try:
            world.roll_out("same", "hold")
        except TakenUp as taken:
            stopped.append(type(taken))

    holding = threading.Thread(target=hold)
    holding.start()
    until(lambda: caplog.text.count("on_little_traffic is hold") >= 2)
    assert world.ports.endpoints.traffic("bench").share("v2") == 50
    take_back.fn(world.ports, "bench", why="nobody came", run="by-hand", pace=PACE)
    holding.join(timeout=30)
    assert stopped == [TakenUp]
    assert dict(world.ports.endpoints.traffic("bench").percent) == {"v1": 100}


@pytest.mark.slow
def test_who_only_ends_unfinished_rollouts_leaves_one_that_has_ended_alone(world: World) -> None:
    assert world.roll_out("same", "go_on").live
    ended = take_back.fn(
        world.ports, "bench", why="stuck?", run="by-event", unfinished_only=True, pace=PACE
    )
    assert ended.live
    assert dict(world.ports.endpoints.traffic("bench").percent) == {"v2": 100}
