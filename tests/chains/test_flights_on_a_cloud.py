"""The example on an emulated cloud: spot, rollout, a bad version, drift and a retrain.

The same ``train.py`` and the same specification as on any machine; only the platform and the
names of the machines are others, what a cloud cannot do is left out, and minutes are seconds.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks import registry
from blocks.contracts import Endpoints, Inventory, ModelRegistry, ObjectStore
from blocks.emulation.rehearsing import RECLAIM, EmulatedRehearsal
from blocks.registry import connect
from examples.flights.prepare import prepare
from examples.flights.story import STUMPS
from flows.callers import Callers
from flows.exits import Exit
from tasks.specification.loading import load
from tests.chains.clouds import CLOUDS
from tests.chains.command import start

FLIGHTS = Path(__file__).parents[2] / "examples" / "flights"
SECONDS = (
    "rollout.steps=[25, 50, 100]",
    "rollout.step_duration=PT12S",
    "rollout.step_requests=50",
    "rollout.patience=PT30S",
    "rollout.on_little_traffic=go_on",
    "rollout.look_every=PT1S",
    "rollout.bake=PT5S",
    "rollout.rules.warm_up=PT2S",
)
PLAYED = {  # clouds, and what of the specification each wants otherwise
    "aws": ("rollout.shadow.duration=PT8S",),
    "azure": ("rollout.shadow.duration=PT8S", "rollout.serving.token_secret=null"),  # by its keys
    "gcp": ("rollout.shadow=null", "rollout.serving.token_secret=null"),  # by IAM, and no copies
    "databricks": ("rollout.shadow=null", "rollout.serving.token_secret=null"),  # by its tokens
}
# One tree that hardly says a word: it ranks flights as others do, and gives all the same score.
MUTE = (
    'training.parameters={rounds: "1", leaves: "15", learning_rate: "0.001"}',
    "training.spot=null",
    "evaluation.margin=0.5",
    "evaluation.slice_margin=0.5",
)
WATCH = (
    "watch.window=PT1M",
    "watch.settle=PT5S",
    "watch.least_rows=100",
    "watch.persistence=1",
    "watch.of=1",
)


PATIENCE = 900  # seconds: a release of real data beside all that a cloud does


def ended(*words: str, code: int = 0, **where: Any) -> str:
    """Run ``bluewater`` to its end; return what it said."""
    process = start(*words, **where)
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, f"{words} ended with {process.returncode}: {errors[-3000:]}"
    return out + errors


def report_of(*words: str, **where: Any) -> Any:
    """Run ``bluewater ... --json`` and return what it says."""
    out = ended(*words, "--json", **where)
    return json.JSONDecoder().raw_decode(out[out.index("{") :])[0]


def until_drift(*watch: str, **where: Any) -> Any:
    """Watch, window after window, until a retrain is asked for; return the report."""
    for _ in range(20):
        process = start(*watch, "--json", **where)
        out, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode in (Exit.OK, Exit.RETRAIN), errors[-3000:]
        if process.returncode == Exit.RETRAIN:
            return json.JSONDecoder().raw_decode(out[out.index("{") :])[0]
    raise TimeoutError(f"no drift was found: {out[-3000:]}")


def changed(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for group in groups for change in group for word in ("--set", change))


@pytest.fixture
def specification(tmp_path: Path) -> Path:
    project = tmp_path / "flights"
    shutil.copytree(FLIGHTS, project, ignore=shutil.ignore_patterns("data", "__pycache__"))
    prepare(project / "data")
    return project / "release.yaml"


@pytest.fixture(params=sorted(PLAYED))
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmulatedRehearsal[Any]]:
    kind: type[EmulatedRehearsal[Any]] = registry.load(registry.provider(provider).rehearsal or "")
    with kind(tmp_path / "world", faults=(RECLAIM,)) as rehearsal:
        for name, value in rehearsal.environment().items():
            monkeypatch.setenv(name, value)
        rehearsal.keep_secret("flights-token", "sesame")
        yield rehearsal


@pytest.fixture
def platform(provider: str, tmp_path: Path) -> Path:
    file = tmp_path / "platform.yaml"
    refs = {name: f"{provider}-{name}" for name in registry.provider(provider).capabilities}
    file.write_text(yaml.safe_dump({"name": provider, **refs}))
    return file


class Flights:
    """The endpoint of the example on one cloud."""

    def __init__(self, provider: str, specification: Path) -> None:
        self.provider, self._specification = provider, specification
        self._endpoints = connect(f"{provider}-endpoints", Endpoints)
        self._store = connect(f"{provider}-store", ObjectStore)

    @contextmanager
    def asked(self, *changes: str) -> Iterator[Callers]:
        """Ask for rows of the hold-out, 15 a second, and lose no answer."""
        spec = load(self._specification, changes=changes)
        with Callers(self._endpoints, self._store, spec, per_second=15) as callers:
            yield callers
        assert set(callers.answers) == {200}

    def split(self) -> dict[str, int]:
        return dict(self._endpoints.traffic("flights").percent)


@pytest.fixture
def flights(provider: str, specification: Path, world: EmulatedRehearsal[Any]) -> Flights:
    return Flights(provider, specification)


@pytest.fixture
def where(workspace: Path, prefect_api: str) -> dict[str, Any]:
    return {"workspace": workspace, "api": prefect_api}


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_flights_on_a_cloud_from_spot_to_a_retrain(
    specification: Path,
    where: dict[str, Any],
    world: EmulatedRehearsal[Any],
    platform: Path,
    flights: Flights,
) -> None:
    provider = flights.provider
    here = (*CLOUDS[provider].machines, *PLAYED[provider])
    words = (str(specification), "--platform", str(platform))
    release = ("release", *words, *changed(SECONDS, here))
    ended(*release, "--run", "first", *changed(("training.spot=null", STUMPS)), **where)
    assert flights.split() == {"v1": 100}

    world.strike()
    with flights.asked(*here) as callers:
        second = report_of(*release, "--run", "second", **where)
    assert second["rollout"]["outcome"] == "live", second["rollout"]["why"]
    assert dict(world.met()) == {RECLAIM: 1}  # in the middle of its training, on spot
    assert len(second["training"]["attempts"]) == (1 if CLOUDS[provider].restarts else 2)
    assert callers.variants["v2"] > 0
    assert flights.split() == {"v2": 100}

    with flights.asked(*here):
        told = ended(*release, "--run", "third", *changed(MUTE), code=Exit.RETURNED, **where)
    assert "predictions" in told
    assert flights.split() == {"v2": 100}

    winter = ("data.holdout=data/months/2013-12.parquet",)  # it was trained on spring
    watch = ("watch", *words, *changed(here, WATCH))
    with flights.asked(*here, *winter):
        report = until_drift(*watch, **where)
    assert any("drift" in reason for reason in report["request"]["reasons"])

    with flights.asked(*here):
        last = report_of(*release, "--run", "retrained", *changed(("training.spot=null",)), **where)
    assert last["rollout"]["outcome"] == "live", last["rollout"]["why"]
    champion = connect(f"{provider}-models", ModelRegistry).resolve("flights-late", "champion")
    assert champion is not None
    assert champion.version == "4"

    ended("down", "--yes", "--platform", str(platform), **where)
    assert not [
        each for each in connect(f"{provider}-inventory", Inventory).owned() if each.running
    ]
