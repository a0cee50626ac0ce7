"""What Vertex AI does to the trials of a study, and what training makes of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.types import (
    CreateHyperparameterTuningJobRequest,
    HyperparameterTuningJob,
    JobState,
    Trial,
)

from blocks.contracts import (
    Candidates,
    Goal,
    Inventory,
    OperationRef,
    Phase,
    RunKey,
    Scale,
    Study,
    TrainingJobs,
    TrainingRequest,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.emulator.messages import check
from blocks.providers.gcp.study_calls import StudyLeft, best_trial, from_tuning_job, to_tuning_job
from blocks.providers.gcp.training_calls import Options
from blocks.testing.waiting import until
from blocks.workload import Outcome
from tests.unit.gcp.test_training_calls import ACCOUNT, REQUEST

KEY = RunKey(run="run-1", step="train")
CREATE = "aiplatform:CreateHyperparameterTuningJob"
STUDY = Study(metric="auc", parameters={"rate": Candidates(low=0, high=1)}, trials=1)

GOES_ON = """
import time
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    if job.checkpoints.latest() is None:
        with job.checkpoints.saving(1) as folder:
            (folder / "state").write_text("1")
        print("saved", flush=True)
        while not job.notice():
            time.sleep(0.02)
        job.stop_if_noticed()
    model = Path("made")
    model.mkdir()
    (model / "weights").write_text("1")
    job.succeed(model=model, metrics={"auc": job.number("rate", -1)})
"""

ONE_FAILS = """
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    kind = job.text("kind", "")
    if kind == "bad":
        raise ValueError("this one does not work")
    model = Path("made")
    model.mkdir()
    (model / "weights").write_text(kind)
    job.succeed(model=model, metrics={"auc": job.number("rate", -1)})
"""


def asked(bench: Any, script: str, study: Study = STUDY, **changes: Any) -> TrainingRequest:
    request: TrainingRequest = bench.training_request(script=script)
    return request.model_copy(update={"study": study, **changes})


def described(account: GcpAccount, ref: OperationRef) -> HyperparameterTuningJob:
    name = f"{account.parent}/hyperparameterTuningJobs/{ref.id}"
    return account.client(JobServiceClient).get_hyperparameter_tuning_job(name=name)


def test_a_trial_that_lost_its_machine_goes_on_and_is_seen_running_meanwhile(
    bench: Any, jobs: TrainingJobs, emulator: Project, account: GcpAccount
) -> None:
    """The reply to its creation is lost, too: it is one study still."""
    emulator.fault("lost-reply", call=CREATE)
    request = asked(bench, GOES_ON, spot=True)
    ref = jobs.submit(request, key=KEY)
    assert jobs.submit(request, key=KEY) == ref
    assert bench.created("training") == 1
    until(lambda: "saved" in [line.text for line in jobs.logs(ref)])
    [owned] = bench.connect(Inventory).owned()
    assert (owned.kind, owned.id, owned.running) == ("training-job", ref.id, True)
    assert owned.output_uri == request.output_uri
    assert [(each.count, each.spot) for each in owned.machines] == [(1, True)]
    [trial] = described(account, ref).trials
    emulator.pull("reclaim", job=trial.custom_job.rpartition("/")[2])
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED, status.failure
    assert status.interruptions == 1
    assert status.usage is not None
    assert status.usage.spot


def test_a_study_survives_a_trial_that_fails(bench: Any, jobs: TrainingJobs) -> None:
    kinds = Candidates(values=("bad", "good"))
    searched = {"kind": kinds, "rate": Candidates(low=0, high=1)}
    study = Study(metric="auc", parameters=searched, trials=6, parallel=3)
    patient = jobs.model_copy(update={"failed_trials": 6})  # type: ignore[attr-defined]
    bench.settle(ref := patient.submit(asked(bench, ONE_FAILS, study), key=KEY))
    status = patient.status(ref)
    assert status.phase is Phase.SUCCEEDED, status.failure
    assert status.result is not None
    assert status.result.parameters["kind"] == "good"
    assert status.result.metrics["auc"] == float(status.result.parameters["rate"])


def tuning(study: Study, **changes: Any) -> HyperparameterTuningJob:
    options = Options(image="trainer:1", boot_disk_gb=100, restart=True, failed_trials=2)
    request = REQUEST.model_copy(update={"study": study, **changes})
    return HyperparameterTuningJob(
        to_tuning_job(request, study, "t" * 32, account=ACCOUNT, options=options)
    )


def test_the_call_of_a_study_is_this() -> None:
    searched = {
        "rate": Candidates(low=0.001, high=1, scale=Scale.LOG),
        "depth": Candidates(low=0, high=5, whole=True),
        "kind": Candidates(values=("a", "b")),
    }
    study = Study(metric="loss", goal=Goal.MINIMIZE, parameters=searched, trials=5, parallel=2)
    job = tuning(study, spot=True, max_duration=timedelta(minutes=5))
    check(
        CreateHyperparameterTuningJobRequest(parent=ACCOUNT.parent, hyperparameter_tuning_job=job)
    )
    told = HyperparameterTuningJob.to_dict(job, use_integers_for_enums=False)
    counts = ("max_trial_count", "parallel_trial_count", "max_failed_trial_count")
    assert [told[name] for name in counts] == [5, 2, 2]
    assert [(each["metric_id"], each["goal"]) for each in told["study_spec"]["metrics"]] == [
        ("loss", "MINIMIZE")
    ]
    rate, depth, kind = told["study_spec"]["parameters"]
    assert rate["scale_type"] == "UNIT_LOG_SCALE"
    assert rate["double_value_spec"]["max_value"] == 1.0
    assert depth["integer_value_spec"]["max_value"] == "5"
    assert kind["categorical_value_spec"]["values"] == ["a", "b"]
    spec = told["trial_job_spec"]
    assert (spec["scheduling"]["strategy"], spec["scheduling"]["timeout"]) == ("SPOT", "300s")
    place = spec["base_output_directory"]["output_uri_prefix"]
    assert place == "gs://models/out/study-" + "t" * 12
    env = spec["worker_pool_specs"][0]["container_spec"]["env"]
    assert not [each["name"] for each in env if "gs://models/out" in each["value"]]


@pytest.mark.parametrize(("goal", "best"), [(Goal.MAXIMIZE, "3"), (Goal.MINIMIZE, "1")])
def test_the_best_trial_is_the_one_with_the_best_last_word(goal: Goal, best: str) -> None:
    job = tuning(Study(metric="auc", goal=goal, parameters=STUDY.parameters, trials=3))
    job.trials = [trial(number, auc) for number, auc in ((1, 0.25), (2, None), (3, 0.75))]
    found = best_trial(job)
    assert found is not None
    assert found.id == best
    job.trials = [trial(2, None)]
    assert best_trial(job) is None


def test_a_best_trial_that_left_no_model_is_a_failure_that_says_so() -> None:
    job = tuning(STUDY)
    job.state, job.trials = JobState.JOB_STATE_SUCCEEDED, [trial(1, 0.5)]
    status = from_tuning_job(job, StudyLeft())
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert status.failure.code == "NO_OUTCOME"
    left = StudyLeft(outcomes={"1": Outcome(ok=True, model_uri="gs://m", digest="d")})
    result = from_tuning_job(job, left).result
    assert result is not None
    assert (result.model_uri, result.metrics) == ("gs://m", {"auc": 0.5})


def trial(number: int, auc: float | None) -> Trial:
    """Return a trial that is over, and measured something or did not."""
    if auc is None:
        return Trial(id=str(number), state=Trial.State.INFEASIBLE)
    measured = {"metrics": [{"metric_id": "auc", "value": auc}]}
    return Trial(id=str(number), state=Trial.State.SUCCEEDED, final_measurement=measured)
