"""A part of a release that a job does near the data finds what it finds here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tasks
from blocks.contracts import (
    InvalidRequest,
    NotFound,
    ObjectStore,
    TrainingResult,
)
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from blocks.providers.local.processing import LocalProcessing
from blocks.testing.models import make_model
from blocks.workload.process import INPUT, OUTPUT
from tasks.data import DataSpec
from tasks.evaluation.answers import ModelRefused
from tasks.evaluation.report import EvaluationReport
from tasks.evaluation.spec import EvaluationSpec
from tasks.evaluation.stage import evaluate_model
from tasks.processing import code
from tasks.processing.job import ProcessingFailed
from tasks.processing.spec import ScanSpec, ScoreSpec
from tasks.processing.work import ANSWER, Answer, Asked, answered, raised_again
from tasks.specification.problems import Problem
from tasks.validation.report import ValidationReport
from tasks.validation.spec import ValidationSpec
from tasks.validation.stage import validate_data
from tasks.validation.suite import SuiteRefused

NEAR = ScanSpec(machine="local.small")
LINES = [
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "x", "min_value": 0}},
    {
        "type": "expect_column_values_to_be_in_set",
        "kwargs": {"column": "kind", "value_set": ["a"]},
        "meta": {"severity": "warning"},
    },
]


@pytest.fixture
def jobs(tmp_path: Path) -> LocalProcessing:
    return LocalProcessing(machine=LocalMachine(workspace=tmp_path / "workspace"))


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    folder = tmp_path / "rows"
    folder.mkdir()
    for number in range(2):
        n = list(range(300))
        table = pa.table(
            {
                "x": [each / 300 for each in n],
                "n": n,
                "kind": ["a", "b", "a"] * 100,
                "label": [int(each > 140 + number) for each in n],
            }
        )
        pq.write_table(table, folder / f"{number}.parquet")
    return folder


def suite(folder: Path, lines: list[dict[str, Any]]) -> ValidationSpec:
    file = folder / "suite.json"
    file.write_text(json.dumps({"name": "rows", "expectations": lines}))
    return ValidationSpec(suite=file.as_uri())


Validate = Callable[..., ValidationReport]


@pytest.fixture
def validate(store: ObjectStore, jobs: LocalProcessing, rows: Path) -> Validate:
    """Return what validates the rows in a run of its own, near them if it is told to."""

    def run(spec: ValidationSpec, *, near: bool, uri: str = "") -> ValidationReport:
        asked = spec.model_copy(update={"near": NEAR if near else None})
        where = "near" if near else "here"
        return validate_data.fn(store, asked, uri or rows.as_uri(), run=where, jobs=jobs)

    return run


def test_validation_finds_near_the_data_what_it_finds_here(
    store: ObjectStore, validate: Validate, tmp_path: Path
) -> None:
    spec = suite(tmp_path, LINES)
    here, near = (validate(spec, near=each) for each in (False, True))
    assert len(near.failed) == 1
    assert near.rows == 600

    def told(report: ValidationReport, run: str) -> str:
        return report.model_dump_json().replace(f"/runs/{run}/", "/runs/r/")

    assert told(near, "near") == told(here, "here")
    assert store.read(near.docs_uri).count(b"<html") == 1
    assert store.read(near.suite_uri) == store.read(here.suite_uri)
    assert validate(spec, near=True) == near  # a replay asks no job


@pytest.mark.parametrize(
    ("refused", "kinds"),
    [
        (SuiteRefused([Problem(field="f", value="v", problem="p", remedy="r")]), (SuiteRefused,)),
        (ModelRefused("the model answers no scores"), (ModelRefused,)),
        (InvalidRequest("not Parquet", code="PARQUET"), ()),
        (NotFound("nothing there"), ()),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_refusal_is_an_answer_and_the_same_one_here(
    tmp_path: Path, refused: Exception, kinds: tuple[type[Exception], ...]
) -> None:
    def work(question: ScanSpec, store: ObjectStore) -> ScanSpec:
        raise refused

    asked = Asked(question=NEAR.model_dump_json(), inputs={}, place="s3://b/p", root="s3://b")
    (tmp_path / "asked.json").write_text(asked.model_dump_json())
    told = {f"{INPUT}ASKED": str(tmp_path / "asked.json"), f"{OUTPUT}PLACE": str(tmp_path)}
    answered(ScanSpec, work, told, refusals=kinds)
    answer = Answer.model_validate_json((tmp_path / ANSWER).read_bytes())
    assert answer.refused is not None
    again = raised_again(answer.refused, kinds)
    assert (type(again), str(again)) == (type(refused), str(refused))
    assert getattr(again, "code", "") == getattr(refused, "code", "")
    assert getattr(again, "problems", ()) == getattr(refused, "problems", ())


def test_what_is_not_there_starts_no_job(
    store: ObjectStore, validate: Validate, tmp_path: Path, jobs: LocalProcessing
) -> None:
    spec = suite(tmp_path, LINES)
    with pytest.raises(InvalidRequest, match=r"inputs\.data"):
        validate(spec, near=True, uri=(tmp_path / "gone").as_uri())
    assert not list(jobs.machine.folder("jobs").iterdir())
    with pytest.raises(InvalidRequest, match="leave it out"):
        validate_data.fn(
            store, spec.model_copy(update={"near": NEAR}), tmp_path.as_uri(), run="none"
        )


def test_a_job_without_an_answer_fails_with_its_words(
    validate: Validate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code, "packed", lambda: b"no archive")
    with pytest.raises(ProcessingFailed, match=r"EXIT_1.*bluewater\.zip"):
        validate(suite(tmp_path, LINES), near=True)


def test_evaluation_finds_near_the_data_what_it_finds_here(
    store: ObjectStore, jobs: LocalProcessing, rows: Path, tmp_path: Path
) -> None:
    draft = make_model(tmp_path / "model", kind="threshold")
    data = DataSpec(train=rows.as_uri(), holdout=rows.as_uri(), label="label", slices=("kind",))
    prices = LocalPrices(machine=jobs.machine)

    def evaluate(run: str, digest: str, near: ScoreSpec | None) -> EvaluationReport:
        return evaluate_model.fn(
            store,
            prices,
            EvaluationSpec(near=near),
            data,
            challenger=TrainingResult(model_uri=draft.uri, digest=digest),
            champion=None,
            machine="local.small",
            run=run,
            jobs=jobs,
        )

    scored = ScoreSpec(machine="local.small")
    here, near = evaluate("here", draft.digest, None), evaluate("near", draft.digest, scored)
    measured = {"latency", "cost_per_thousand", "plots", "limits"}
    assert near.model_dump(exclude=measured) == here.model_dump(exclude=measured)
    assert near.auc == pytest.approx(0.97, abs=0.02)
    assert store.read(near.plots["curves"]).startswith(b"\x89PNG")


def test_the_code_of_the_archive_is_what_runs(tmp_path: Path) -> None:
    """Where another release of bluewater is installed, the archive's own code is what runs."""
    archive = tmp_path / code.ARCHIVE
    archive.write_bytes(code.packed())
    assert code.packed() == code.packed.__wrapped__()
    show = "import sys, tasks.processing.work as it; print(it.__file__)"
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("tasks/show.py", show)
    done = subprocess.run(
        [sys.executable, str(archive), "tasks.show"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(tasks.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(archive / "tasks" / "processing" / "work.py")
