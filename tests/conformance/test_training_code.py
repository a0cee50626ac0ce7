"""What the code of a training job is given, and what is told of what it does."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from blocks.contracts import NotFound, Phase, RunKey, TrainingJobs
from blocks.emulation.folders import files_below
from blocks.testing.bench import Bench
from blocks.testing.waiting import until

CONTRACT = TrainingJobs
KEY = RunKey(run="run-1", step="train")

PRINTS = """
from blocks.workload import Job
with Job.from_environment() as job:
    for line in range(3):
        print(f"line {line}", flush=True)
    job.progress(done=1, of=4, loss=0.5)
    raise SystemExit(7)
"""

RESUMES = """
import time
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    start = job.checkpoints.latest()
    first = start.step if start else 0
    if start:
        assert (start.folder / "state").read_text() == str(first)
    for step in range(first + 1, 9):
        job.progress(done=step, of=8, step=step)
        if job.checkpoints.due():
            with job.checkpoints.saving(step) as folder:
                (folder / "state").write_text(str(step))
            print(f"saved {step}", flush=True)
        job.stop_if_noticed()
        while step == 5 and not start and not job.notice():
            time.sleep(0.01)
    model = Path(f"{job.token}.model")
    model.mkdir()
    (model / "weights").write_text(str(step))
    job.succeed(model=model, metrics={"first": first, "last": step})
"""

TELLS_THE_DIGEST_OF_ITS_SECRET = """
import hashlib, os
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    value = os.environ["API_KEY"]
    model = Path(f"{job.token}.model")
    model.mkdir()
    (model / "weights").write_text("1")
    seen = int(hashlib.sha256(value.encode()).hexdigest()[:8], 16)
    if job.text("fail", ""):
        raise ValueError(f"refused with key {value}")
    job.succeed(model=model, metrics={"seen": seen})
"""

WAITS_FOR_EVER = """
import time
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def jobs(bench: Bench) -> TrainingJobs:
    return bench.connect(TrainingJobs)


def test_a_job_that_just_exits_fails_with_its_last_words(bench: Bench, jobs: TrainingJobs) -> None:
    ref = jobs.submit(bench.training_request(script=PRINTS), key=KEY)
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert "line 2" in status.failure.message


def test_a_job_that_ends_well_but_leaves_no_outcome_has_failed(
    bench: Bench, jobs: TrainingJobs
) -> None:
    ref = jobs.submit(bench.training_request(script="print('done')"), key=KEY)
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert "outcome" in status.failure.message


def test_a_job_that_takes_too_long_is_ended(bench: Bench, jobs: TrainingJobs) -> None:
    request = bench.training_request(script=WAITS_FOR_EVER)
    request = request.model_copy(update={"max_duration": timedelta(seconds=0.2)})
    bench.settle(ref := jobs.submit(request, key=KEY))
    status = jobs.status(ref)
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert status.failure.code == "MAX_DURATION"
    assert bench.running() == []


def test_progress_is_told(bench: Bench, jobs: TrainingJobs) -> None:
    bench.settle(ref := jobs.submit(bench.training_request(script=PRINTS), key=KEY))
    assert jobs.status(ref).progress == 0.25


def test_logs_are_told_in_order_and_only_once(bench: Bench, jobs: TrainingJobs) -> None:
    bench.settle(ref := jobs.submit(bench.training_request(script=PRINTS), key=KEY))
    told = list(jobs.logs(ref))
    assert [line.text for line in told] == ["line 0", "line 1", "line 2"]
    assert [line.at for line in told] == sorted(line.at for line in told)
    assert all(line.at.tzinfo is not None for line in told)
    assert list(jobs.logs(ref, since=told[-1].at)) == []
    before = told[0].at - timedelta(microseconds=1)
    assert list(jobs.logs(ref, since=before)) == told


def test_a_reclaim_loses_no_finished_step(bench: Bench, jobs: TrainingJobs) -> None:
    """The next attempt goes on after the last step that the first one saved."""
    request = bench.training_request(script=RESUMES).model_copy(
        update={"spot": jobs.features.spot, "env": {"BLUEWATER_CHECKPOINT_INTERVAL": "0"}}
    )
    bench.begin(first := jobs.submit(request, key=KEY))
    until(lambda: "saved 5" in [line.text for line in jobs.logs(first)])
    bench.reclaim(first)
    assert jobs.status(first).phase is Phase.INTERRUPTED
    saved = [int(line.text.split()[1]) for line in jobs.logs(first)]
    bench.settle(second := jobs.submit(request, key=KEY.next()))
    result = jobs.status(second).result
    assert result is not None
    assert result.metrics == {"first": saved[-1], "last": 8}


def test_a_secret_reaches_the_job_and_nothing_else(
    bench: Bench, jobs: TrainingJobs, tmp_path: Path
) -> None:
    secret = "correct horse battery staple"
    bench.keep_secret("api-key", secret)
    request = bench.training_request(script=TELLS_THE_DIGEST_OF_ITS_SECRET)
    request = request.model_copy(update={"secrets": {"API_KEY": "api-key"}})
    bench.settle(ref := jobs.submit(request, key=KEY))
    status = jobs.status(ref)
    assert status.result is not None
    seen = int(hashlib.sha256(secret.encode()).hexdigest()[:8], 16)
    assert status.result.metrics == {"seen": seen}
    failing = request.model_copy(update={"parameters": {"fail": "yes"}})
    bench.settle(failed := jobs.submit(failing, key=KEY))
    told = [repr(jobs), status.model_dump_json(), jobs.status(failed).model_dump_json()]
    assert "refused with key" in told[-1]
    assert not [text for text in told if secret in text]
    kept = [file for file in files_below(tmp_path) if file.suffix != ".log"]
    assert not [file for file in kept if secret.encode() in content(file)]


def content(file: Path) -> bytes:
    """Return what is in a file: nothing in what is none, or went since it was listed."""
    try:
        return file.read_bytes() if file.is_file() else b""
    except FileNotFoundError:
        return b""


def test_a_missing_secret_is_told_before_anything_starts(bench: Bench, jobs: TrainingJobs) -> None:
    request = bench.training_request().model_copy(update={"secrets": {"API_KEY": "not-there"}})
    with pytest.raises(NotFound, match="not-there"):
        jobs.submit(request, key=KEY)
    assert bench.created("training") == 0
