"""What a plan promises is what an emulated cloud bills, by its own clock and its own machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from blocks import registry
from blocks.contracts import NEEDED, Endpoints, ObjectStore, Prices
from blocks.emulation.launch import Emulator
from blocks.emulation.rehearsing import EmulatedRehearsal
from blocks.registry import connect
from blocks.testing.waiting import until
from flows.callers import Callers
from tasks.costs.money import Money
from tasks.specification.loading import load
from tests.chains.clouds import CLOUDS
from tests.chains.command import run_json, start
from tests.chains.project import make_project

EVERYTHING = {contract.capability for contract in NEEDED}
WHOLE = [name for name in CLOUDS if set(registry.provider(name).capabilities) >= EVERYTHING]
HOURS, PER_SECOND = 2, 5
CHANGES = (  # a rollout in our own time, long enough for what it takes besides not to matter
    f"training.spot={{expected_hours: {HOURS}, launch: PT0S}}",
    'training.parameters={slope: "0.5", pause: "1"}',
    "rollout.steps=[50, 100]",
    "rollout.step_duration=PT90S",
    "rollout.patience=PT91S",
    "rollout.bake=PT90S",
    f"budget={{requests_per_second: {PER_SECOND}}}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """What an emulated cloud has had running, and what that costs by the hour."""

    emulator: Emulator
    prices: Prices
    machine: str

    def trained(self) -> float:
        """Return what all training has cost, on machines that may be taken back."""
        kind = f"{self.emulator.training}/"
        return self._cost(sum(end - began for began, end in self._up(kind)), spot=True)

    def served(self, since: float) -> float:
        """Return what the endpoint has cost since a moment."""
        times = [(max(began, since), end) for began, end in self._up("endpoint:")]
        return self._cost(sum(end - began for began, end in times if end > began))

    def doubled(self) -> float:
        """Return what the endpoint has cost for more than one machine at a time."""
        times = sorted(self._up("endpoint:"))
        alone, until_ = 0.0, 0.0
        for began, end in times:
            alone += max(0.0, end - max(began, until_))
            until_ = max(until_, end)
        return self._cost(sum(end - began for began, end in times) - alone)

    def now(self) -> float:
        """Return the cloud's time."""
        return float(self.emulator.pull("now"))

    def _up(self, kind: str) -> Sequence[tuple[float, float]]:
        now, found = self.now(), self.emulator.uptimes()
        return [
            (each["began"], now if each["ended"] is None else each["ended"])
            for each in found
            if each["name"].startswith(kind)
        ]

    def _cost(self, seconds: float, *, spot: bool = False) -> float:
        price = self.prices.price(self.machine, spot=spot)
        assert price is not None
        return seconds / 3600 * float(price.per_hour)


@pytest.fixture(params=WHOLE)
def provider(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, Emulator, dict[str, str]]]:
    name = str(request.param)
    kind: type[EmulatedRehearsal[Any]] = registry.load(registry.provider(name).rehearsal or "")
    with kind(tmp_path / "world") as rehearsal:
        environment = dict(rehearsal.environment())
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        environment.pop("BLUEWATER_HOME")
        yield name, rehearsal.emulator, environment


def expected(report: dict[str, Any], what: str) -> float:
    """Return the lower bound that a forecast gave, which is what to reckon with."""
    return float(report["costs"]["forecast"][what]["low"])


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_plan_bill_and_report_agree_within_a_tenth(
    tmp_path: Path,
    workspace: Path,
    prefect_api: str,
    provider: tuple[str, Emulator, dict[str, str]],
) -> None:
    name, emulator, environment = provider
    where: dict[str, Any] = {"workspace": workspace, "api": prefect_api, **environment}
    platform = tmp_path / "platform.yaml"
    refs = {each: f"{name}-{each}" for each in sorted(EVERYTHING)}
    platform.write_text(yaml.safe_dump({"name": name, **refs}))
    specification = make_project(tmp_path / "project")
    changes = (*CHANGES, *CLOUDS[name].machines)
    words = [
        *(str(specification), "--platform", str(platform)),
        *(word for change in changes for word in ("--set", change)),
    ]
    machines = Machines(
        emulator=emulator,
        prices=connect(f"{name}-prices", Prices),
        machine=CLOUDS[name].machine,
    )

    def released(run: str) -> dict[str, Any]:
        """Release; let the training take as long as it was said to."""
        process = start("release", *words, "--run", run, "--json", **where)
        until(emulator.training_jobs, within=300)
        emulator.advance(HOURS * 3600)
        out, errors = process.communicate(timeout=900)
        assert process.returncode == 0, errors[-3000:]
        report: dict[str, Any] = yaml.safe_load(out)
        return report

    released("first")
    plan = {line["stage"]: line["costs"] for line in run_json("plan", *words, **where)}
    trained = machines.trained()
    report = released("second")

    told = Money.model_validate(report["costs"]["forecast"]["training"])
    assert plan["train"] == str(told), "the report is not about what was planned"
    billed = machines.trained() - trained
    assert expected(report, "training") == pytest.approx(billed, rel=0.1)
    assert float(report["costs"]["training"]["low"]) == pytest.approx(billed, rel=0.1)

    doubled = machines.doubled()
    assert expected(report, "rollout") == pytest.approx(doubled, rel=0.1)
    assert float(report["costs"]["rollout"]["low"]) == pytest.approx(doubled, rel=0.1)

    whole = expected(report, "training") + expected(report, "rollout")
    assert whole == pytest.approx(billed + doubled, rel=0.1)

    began = machines.now()
    emulator.advance(24 * 3600)
    month = machines.served(began) * 730 / 24
    assert expected(report, "per_month") == pytest.approx(month, rel=0.1)

    began = machines.now()
    spec = load(specification, changes=changes)
    endpoints, store = (
        connect(f"{name}-endpoints", Endpoints),
        connect(f"{name}-store", ObjectStore),
    )
    with Callers(endpoints, store, spec, per_second=PER_SECOND) as callers:
        until(lambda: callers.answers.total() >= 30 * PER_SECOND, within=300)
        cost = machines.served(began)
    thousands = callers.answers.total() / 1000
    assert expected(report, "per_thousand") == pytest.approx(cost / thousands, rel=0.1)
