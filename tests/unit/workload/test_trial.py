"""What a trial of a study is told, and what it tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blocks.workload import Job, report_metric
from blocks.workload.trial import METRIC, METRIC_FILE, SEARCHED, TRIAL, as_trial


def test_values_of_a_trial_become_hyperparameters_and_the_command_stays() -> None:
    told = {SEARCHED: '["rate", "kind"]', "BLUEWATER_PARAMETERS": '{"rounds": "7", "rate": "0"}'}
    given = ["python", "train.py", "--fast", "--kind=a=b c", "--rounds=9", "--rate=1e-05"]
    command, environ = as_trial(given, told)
    assert command == ["python", "train.py", "--fast", "--rounds=9"]
    assert json.loads(environ["BLUEWATER_PARAMETERS"]) == {
        "rounds": "7",
        "rate": "1e-05",
        "kind": "a=b c",
    }


def test_a_metric_is_a_line_that_the_service_reads(tmp_path: Path) -> None:
    file = tmp_path / "hypertune" / "output.metrics"
    environ = {TRIAL: "3", METRIC_FILE: str(file)}
    report_metric("auc", 0.5, environ, step=1)
    report_metric("auc", float("nan"), environ, step=2)
    report_metric("auc", 0.75, environ, step=3.0)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(each["auc"], each["global_step"], each["trial"]) for each in lines] == [
        ("0.5", "1", "3"),
        ("0.75", "3", "3"),
    ]
    for step in range(200):
        report_metric("auc", step, environ, step=step)
    kept = file.read_text().splitlines()
    assert len(kept) == 100
    assert json.loads(kept[-1])["auc"] == "199.0"


def test_outside_of_a_trial_a_metric_is_told_to_nobody(tmp_path: Path) -> None:
    report_metric("auc", 0.5, {METRIC_FILE: str(tmp_path / "told")})
    assert list(tmp_path.iterdir()) == []


def test_a_job_tells_the_metric_that_its_study_compares_by(tmp_path: Path) -> None:
    model, file = tmp_path / "model", tmp_path / "told"
    model.mkdir()
    (model / "weights").write_text("1")
    environ = {
        TRIAL: "1",
        METRIC: "auc",
        METRIC_FILE: str(file),
        "BLUEWATER_OUTPUT": str(tmp_path / "output"),
        "BLUEWATER_TOKEN": "t",
    }
    with Job.from_environment(environ) as job:
        job.progress(done=1, of=2, auc=0.25, loss=3.0)
        with pytest.raises(LookupError, match="'auc'"):
            job.succeed(model=model, metrics={"loss": 2.0})
        assert not (tmp_path / "output" / "outcome-t.json").exists()
        job.succeed(model=model, metrics={"loss": 2.0, "auc": 0.75})
    told = [json.loads(line)["auc"] for line in file.read_text().splitlines()]
    assert told == ["0.25", "0.75"]
