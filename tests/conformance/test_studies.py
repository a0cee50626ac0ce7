"""A search for hyperparameters is made and its best model kept, or refused before any call."""

from __future__ import annotations

import pytest

from blocks.contracts import (
    Candidates,
    Goal,
    OperationRef,
    Phase,
    RunKey,
    Scale,
    Study,
    TrainingJobs,
    TrainingRequest,
    Unsupported,
)
from blocks.testing.bench import Bench
from blocks.testing.waiting import until

CONTRACT = TrainingJobs
KEY = RunKey(run="run-1", step="train")
STUDY = Study(
    metric="loss",
    goal=Goal.MINIMIZE,
    parameters={
        "rate": Candidates(low=0.001, high=10, scale=Scale.LOG),
        "depth": Candidates(low=2, high=5, whole=True),
        "kind": Candidates(values=("plain", "with space")),
    },
    trials=3,
    parallel=2,
)

MEASURES = """
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    rate, depth = job.number("rate", 0), int(job.parameters["depth"])
    kind, rounds = job.parameters["kind"], job.parameters["rounds"]
    loss = rate + depth + 100 * (kind == "with space")
    job.progress(done=1, of=2, loss=1e9)
    model = Path("made")
    model.mkdir()
    (model / "weights").write_text(f"{rate!r}")
    print(f"{rate!r} {depth} {rounds} {loss!r} {kind}", flush=True)
    job.succeed(model=model, metrics={"loss": loss, "rate": rate})
"""

FAILS = """
from blocks.workload import Job

with Job.from_environment() as job:
    raise ValueError("loss is NaN")
"""

WAITS = """
import time
print("begun", flush=True)
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def jobs(bench: Bench) -> TrainingJobs:
    return bench.connect(TrainingJobs)


def asked(bench: Bench, script: str, study: Study = STUDY) -> TrainingRequest:
    request = bench.training_request(script=script)
    return request.model_copy(update={"study": study, "parameters": {"rounds": "7"}})


def begun(bench: Bench, jobs: TrainingJobs, script: str) -> OperationRef | None:
    """Return the study of a script; None where studies are refused, as they have to be."""
    if jobs.features.studies:
        return jobs.submit(asked(bench, script), key=KEY)
    with pytest.raises(Unsupported) as caught:
        jobs.submit(asked(bench, script), key=KEY)
    assert caught.value.code == "STUDY"
    assert bench.created("training") == 0
    return None


def test_a_study_is_made_or_refused(bench: Bench, jobs: TrainingJobs) -> None:
    """Its result is the model of the trial that was the best, and what that trial got."""
    ref = begun(bench, jobs, MEASURES)
    if ref is None:
        return
    assert jobs.submit(asked(bench, MEASURES), key=KEY) == ref
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED, status.failure
    tried = [line.text.split(" ", 4) for line in jobs.logs(ref)]
    assert len(tried) == STUDY.trials
    assert len({rate for rate, *_ in tried}) == STUDY.trials
    for rate, depth, rounds, _, kind in tried:
        assert 0.001 <= float(rate) <= 10
        assert (depth in "2345", rounds, kind in ("plain", "with space")) == (True, "7", True)
    best = min(tried, key=lambda each: float(each[3]))
    assert status.result is not None
    assert status.result.parameters == {"rate": best[0], "depth": best[1], "kind": best[4]}
    assert status.result.metrics == {"loss": float(best[3]), "rate": float(best[0])}
    assert len(status.result.digest) == 64
    assert status.progress == 1.0
    assert status.usage is not None
    assert status.usage.seconds > 0
    assert bench.created("training") == 1
    assert bench.running() == []


def test_a_study_whose_trials_all_fail_has_failed(bench: Bench, jobs: TrainingJobs) -> None:
    ref = begun(bench, jobs, FAILS)
    if ref is None:
        return
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert "loss is NaN" in status.failure.message
    assert status.result is None
    assert bench.running() == []


def test_a_study_that_is_cancelled_ends_its_trials(bench: Bench, jobs: TrainingJobs) -> None:
    ref = begun(bench, jobs, WAITS)
    if ref is None:
        return
    until(lambda: len(list(jobs.logs(ref))) == STUDY.parallel)
    assert jobs.status(ref).phase is Phase.RUNNING
    jobs.cancel(ref)
    bench.settle(ref)
    jobs.cancel(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED
    assert bench.running() == []
