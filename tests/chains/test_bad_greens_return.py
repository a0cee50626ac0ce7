"""Worse versions are returned by themselves; healthy ones, and shared incidents, are not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from blocks.contracts import ModelVersion, RunKey, Window
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.models import LocalModels
from blocks.providers.local.monitor import LocalMonitor
from blocks.providers.local.store import LocalStore
from blocks.testing.models import make_model
from blocks.testing.waiting import until
from tasks.rollout.driver import Ports
from tasks.rollout.report import RolloutReport
from tasks.rollout.spec import RolloutSpec
from tasks.rollout.stage import roll_out
from tasks.rollout.verdict import VerdictRules
from tasks.waiting import Pace

CALLERS = 3


class Callers:
    """Threads that keep asking, so that there is traffic to compare."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(n,)) for n in range(CALLERS)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _call(self, number: int) -> None:
        step = number
        with httpx.Client(timeout=30) as client:
            while not self._stop.is_set():
                step += 1
                rows = [{"x": (step * 37 % 100) / 100, "n": step}]
                client.post(f"{self._url}/invocations", json={"dataframe_records": rows})


class World:
    """An endpoint with a healthy version on it, and a place for the next one."""

    def __init__(self, folder: Path, workspace: Path) -> None:
        self.folder = folder
        self.machine = LocalMachine(workspace=workspace)
        self.ports = Ports(
            endpoints=LocalEndpoints(machine=self.machine),
            monitor=LocalMonitor(machine=self.machine),
            models=LocalModels(machine=self.machine),
            store=LocalStore(machine=self.machine),
        )
        request = folder / "request.json"
        request.write_text('{"dataframe_records": [{"x": 0.7, "n": 1}]}')
        self.spec = RolloutSpec(
            endpoint="bench",
            machine="local.small",
            smoke_request=request.as_uri(),
            shadow=None,
            steps=(50, 95, 100),
            step_duration=timedelta(seconds=12),
            step_requests=100,
            patience=timedelta(seconds=20),
            on_little_traffic="go_on",
            look_every=timedelta(seconds=1),
            bake=timedelta(seconds=1),
            rules=VerdictRules(warm_up=timedelta(seconds=2)),
        )

    def version(self, kind: str) -> ModelVersion:
        draft = make_model(self.folder / kind, kind=kind)
        return self.ports.models.register(draft, key=RunKey(run=kind, step="register"))

    def roll_out(self, kind: str) -> RolloutReport:
        model = self.version(kind)
        pace = Pace(every=timedelta(seconds=0.5))
        return roll_out.fn(
            self.ports, self.spec, model, alias="champion", run=f"to-{kind}", pace=pace
        )


@pytest.fixture
def world(tmp_path: Path, workspace: Path) -> Iterator[World]:
    world = World(tmp_path, workspace)
    first = world.roll_out("threshold")
    assert first.live
    with Callers(first.url):
        yield world


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "blamed"),
    [("slow", "latency"), ("flaky", "errors"), ("shifted", "predictions")],
)
def test_a_worse_version_is_returned(world: World, kind: str, blamed: str) -> None:
    report = world.roll_out(kind)
    assert not report.live, report.why
    assert blamed in report.why
    assert dict(world.ports.endpoints.traffic("bench").percent) == {"v1": 100}
    assert [each.name for each in world.ports.endpoints.variants("bench")] == ["v1"]
    champion = world.ports.models.resolve("bench", "champion")
    assert champion is not None
    assert champion.version == "1"


@pytest.mark.slow
def test_a_healthy_version_goes_live(world: World) -> None:
    report = world.roll_out("same")
    assert report.live, report.why
    assert dict(world.ports.endpoints.traffic("bench").percent) == {"v2": 100}


@pytest.mark.slow
def test_an_incident_that_both_share_does_not_blame_the_new_version(
    world: World, tmp_path: Path
) -> None:
    """While the file is there, every fifth request fails, whoever answers."""
    journal = tmp_path / "workspace" / "store" / "rollouts" / "bench" / "journal"

    def strike() -> None:
        until(
            lambda: sum('"event":"step"' in file.read_text() for file in journal.glob("*.json")) > 1
        )
        (tmp_path / "incident").touch()

    incident = threading.Thread(target=strike)
    incident.start()
    report = world.roll_out("same")
    incident.join()
    assert report.live, report.why
    window = Window(start=report.journal[0].at, end=datetime.now(UTC))
    ticks = world.ports.monitor.ticks("bench", window)
    assert sum(tick.errors for tick in ticks if tick.variant == "v1") > 20
    assert sum(tick.errors for tick in ticks if tick.variant == "v2") > 20
