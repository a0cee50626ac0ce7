"""What a platform lacks is told with the field that asks for it, and with its value."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.processing import LocalProcessing
from blocks.providers.local.secret import LocalSecrets
from blocks.providers.local.store import LocalStore
from blocks.providers.local.training import LocalTraining
from tasks.specification.checks import FIELDS, Surroundings, check
from tasks.specification.loading import load
from tasks.specification.problems import Problem
from tests.chains.project import make_project


class Lack(NamedTuple):
    """A feature that is off, and what asks for it."""

    feature: str
    off: Any
    field: str
    asked: str
    shown: str


LACKS = [
    Lack("spot", False, "training.spot", "{expected_hours: 1}", "expected_hours=1"),
    Lack("zones", False, "training.spot.zones", "[a]", "a"),
    Lack("multi_node", False, "training.nodes", "2", "2"),
    Lack(
        "studies",
        False,
        "training.study",
        "{metric: auc, parameters: {rate: {low: 1, high: 2}}}",
        "metric='auc'",
    ),
    Lack("max_duration", timedelta(days=5), "training.max_duration", "P6D", "518400 s"),
    Lack("scale_to_zero", False, "rollout.min_replicas", "0", "0"),
    Lack("autoscaling", False, "rollout.max_replicas", "3", "3"),
    Lack("capture", False, "rollout.capture", "{sample: 0.5}", "sample=0.5"),
    Lack("sticky", False, "rollout.serving.user_header", "x-user", "x-user"),
    Lack("max_payload_bytes", 10, "rollout.serving.max_payload_bytes", "20", "20"),
    Lack("weights", False, "rollout.steps", "[5, 100]", "(5, 100)"),
    Lack("mirror", False, "rollout.shadow", "{percent: 10}", "percent=10"),
]


@pytest.fixture
def here(tmp_path: Path) -> Surroundings:
    machine = LocalMachine(workspace=tmp_path / "workspace")
    return Surroundings(
        store=LocalStore(machine=machine),
        training=LocalTraining(machine=machine),
        endpoints=LocalEndpoints(machine=machine),
        prices=LocalPrices(machine=machine),
        secrets=LocalSecrets(machine=machine),
        processing=LocalProcessing(machine=machine),
    )


@pytest.mark.parametrize("lack", LACKS, ids=lambda lack: lack.feature)
def test_a_feature_that_is_lacking_is_told_by_field_and_value(
    here: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lack: Lack
) -> None:
    file = make_project(tmp_path / "project")
    changes = [f"{lack.field}={lack.asked}"]
    if lack.feature == "zones":
        changes = ["training.spot={expected_hours: 1, deadline: PT9H, zones: [a]}"]
    elif lack.feature != "spot":
        changes.append("training.spot=null")
    spec = load(file, changes=changes)
    provider = here.training if lack.field.startswith("training") else here.endpoints

    def found(value: Any) -> list[Problem]:
        features = dataclasses.replace(provider.features, **{lack.feature: value})
        monkeypatch.setattr(type(provider), "features", features)
        return check(spec, here)

    assert found(True if lack.off is False else None) == []
    (problem,) = found(lack.off)
    assert problem.field == lack.field
    assert lack.shown in problem.value


def test_every_feature_that_can_be_lacking_has_its_field() -> None:
    assert set(FIELDS.values()) == {lack.field for lack in LACKS}


def test_a_release_over_its_budget_is_refused(here: Surroundings, tmp_path: Path) -> None:
    file = make_project(tmp_path / "project")
    over = ("budget.per_run=0.0001", "budget.per_month=5")
    problems = check(load(file, changes=over), here)
    assert {problem.field: problem.value for problem in problems} == {
        "budget.per_run": "0.0001",
        "budget.per_month": "5",
    }
    assert "8.54" in problems[1].problem
    within = ("budget.per_run=1", "budget.per_month=9", "budget.requests_per_second=5")
    assert check(load(file, changes=within), here) == []


def test_what_cannot_be_done_near_the_data_is_told_by_field_with_a_remedy(
    here: Surroundings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_project(tmp_path / "project")
    near = [f"{part}.near={{machine: local.small}}" for part in ("validation", "evaluation")]
    assert check(load(file, changes=near), here) == []
    spark = [
        f"{part}.near={{machine: local.small, spark: true}}"
        for part in ("validation", "evaluation", "watch")
    ]
    problems = check(load(file, changes=spark), here)
    assert [problem.field for problem in problems] == [
        "validation.near.spark",
        "evaluation.near.spark",
        "watch.near.spark",
    ]
    assert "no Spark here" in problems[0].problem
    nobody = check(load(file, changes=near), dataclasses.replace(here, processing=None))
    assert ["nobody for processing" in problem.problem for problem in nobody] == [True, True]
    assert here.processing is not None
    elsewhere = dataclasses.replace(
        here.processing.features, scheme="s3", max_duration=timedelta(hours=3)
    )
    monkeypatch.setattr(type(here.processing), "features", elsewhere)
    assert check(load(file), here) == []
    problems = check(load(file, changes=near), here)
    assert [problem.field for problem in problems] == [
        "validation.near.machine",
        "evaluation.near.machine",
    ]
    assert "cannot reach" in problems[0].problem
    assert "leave it out" in problems[0].remedy
    slow = ["validation.near={machine: local.huge, max_duration: PT4H}"]
    problems = check(load(file, changes=slow), here)
    assert [problem.field for problem in problems] == [
        "validation.near.machine",
        "validation.near.max_duration",
    ]
    assert "no price" in problems[0].problem


def test_a_monitor_that_the_platform_has_nobody_for_is_told(
    here: Surroundings, tmp_path: Path
) -> None:
    spec = load(make_project(tmp_path / "project"), changes=["watch.monitor={every: PT6H}"])
    (problem,) = check(spec, here)
    assert problem.field == "watch.monitor"
    assert "watching" in problem.remedy


@pytest.mark.parametrize(
    ("values", "said", "remedy"),
    [
        ([0, 1, 2], "values from 0 to 2", "data.problem_type"),
        ([25.5, 346.0, 100.0], "regression in data.holdout", "data.problem_type"),
        ([0.0, 1.0, None], "rows without a value", "leave those rows out"),
        (["no", "yes", "no"], "2 classes (no, yes)", "0 and 1"),
        ([1, 1, 1], "one class alone", "both classes"),
    ],
)
def test_a_label_that_is_no_truth_of_two_classes_is_told_before_anything_is_trained(
    here: Surroundings, tmp_path: Path, values: list[Any], said: str, remedy: str
) -> None:
    file = make_project(tmp_path / "project")
    holdout(file, values)
    (problem,) = check(load(file), here)
    assert problem.field == "data.label"
    assert "data.holdout" in problem.problem
    assert said in problem.problem
    assert remedy in problem.remedy


def holdout(file: Path, values: list[Any], part: str = "holdout") -> None:
    rows = pd.DataFrame({"x": 0.5, "group": "a", "label": values})
    rows.to_parquet(file.with_name(f"{part}.parquet"))


def test_a_quantity_and_several_classes_are_no_problem(here: Surroundings, tmp_path: Path) -> None:
    file = make_project(tmp_path / "project")
    for part in ("train", "holdout"):
        holdout(file, [-3.5, 12.0, 200.0], part)
    assert not check(load(file, changes=["evaluation.limits={mae: 30}"]), here)
    for part in ("train", "holdout"):
        holdout(file, ["a", "b", "c"], part)
    assert not check(load(file, changes=["evaluation.metric=log_loss"]), here)


@pytest.mark.parametrize(
    ("train", "held", "said"),
    [
        (["a", "b", "c"], ["a", "b", "d"], ["has the class 'd'", "lacks the class 'c'"]),
        (["a", "b", "c", "d"], ["a", "b", "c"], ["lacks the class 'd'"]),
    ],
)
def test_classes_that_are_not_in_all_data_sets_are_told(
    here: Surroundings, tmp_path: Path, train: list[Any], held: list[Any], said: list[str]
) -> None:
    file = make_project(tmp_path / "project")
    holdout(file, train, "train")
    holdout(file, held)
    problems = check(load(file), here)
    assert [each.field for each in problems] == ["data.label"] * len(said)
    for problem, words in zip(problems, said, strict=True):
        assert words in problem.problem


def test_what_is_not_of_a_quantity_is_told_with_its_field(
    here: Surroundings, tmp_path: Path
) -> None:
    file = make_project(tmp_path / "project")
    for part in ("train", "holdout"):
        holdout(file, [-3.5, 12.0, 200.0], part)
    changes = [
        "evaluation.metric=brier",
        "evaluation.limits={accuracy: 0.5}",
        "evaluation.calibration_limit=0.1",
    ]
    assert [each.field for each in check(load(file, changes=changes), here)] == [
        "evaluation.metric",
        "evaluation.limits.accuracy",
        "evaluation.calibration_limit",
    ]
