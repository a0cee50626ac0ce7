"""What every provider's training jobs must do."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from blocks.contracts import (
    NotFound,
    OperationRef,
    OperationStatus,
    Phase,
    RunKey,
    TrainingJobs,
    TrainingResult,
)
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


def submit(bench: Bench, jobs: TrainingJobs, key: RunKey = KEY) -> OperationRef:
    return jobs.submit(bench.training_request(), key=key)


def test_submitting_twice_starts_one_job(bench: Bench, jobs: TrainingJobs) -> None:
    assert submit(bench, jobs) == submit(bench, jobs)
    assert bench.created("training") == 1


def test_another_attempt_is_another_job(bench: Bench, jobs: TrainingJobs) -> None:
    assert submit(bench, jobs) != submit(bench, jobs, KEY.next())
    assert bench.created("training") == 2


def test_another_request_under_the_same_key_is_another_job(
    bench: Bench, jobs: TrainingJobs
) -> None:
    """Else a changed request would be answered with the result of the old one."""
    other = bench.training_request().model_copy(update={"parameters": {"rounds": "7"}})
    assert submit(bench, jobs) != jobs.submit(other, key=KEY)
    assert bench.created("training") == 2


def test_every_word_of_the_request_arrives(bench: Bench, jobs: TrainingJobs) -> None:
    """What the job really got, told back in our words, equals what was asked: nothing dropped."""
    bench.keep_secret("api-key", "sesame")
    request = bench.training_request().model_copy(
        update={
            "parameters": {"rounds": "7", "name": 'a "b"\n$HOME ü'},
            "env": {"LEARNING_RATE": "1e-4", "ODD": "a=b c\n'd'"},
            "secrets": {"API_KEY": "api-key"},
            "command": ("python", "train.py", "--flag", "two words", "*", "$HOME"),
            "max_duration": timedelta(minutes=77),
            "zone": bench.zone(),
        }
    )
    bench.begin(ref := jobs.submit(request, key=KEY))
    seen = bench.seen(ref)
    for name, asked in dict(request).items():
        if name != "study":  # those are told of by what studies are tested for
            assert seen[name] == asked, name


def test_a_stranger_can_reattach_from_json(bench: Bench, jobs: TrainingJobs) -> None:
    """Stands for an orchestrator that crashed and came back as a new process."""
    text = submit(bench, jobs).model_dump_json()
    later = bench.connect(TrainingJobs)
    ref = OperationRef.model_validate_json(text)
    bench.begin(ref)
    assert later.status(ref).phase is Phase.RUNNING
    bench.succeed(ref)
    status = later.status(ref)
    assert OperationStatus[TrainingResult].model_validate_json(status.model_dump_json()) == status


def test_a_ref_tells_provider_capability_and_token(bench: Bench, jobs: TrainingJobs) -> None:
    ref = submit(bench, jobs)
    assert (ref.provider, ref.capability) == (jobs.provider, "training")
    assert ref.token == KEY.token(bench.training_request())


def test_phases_of_a_job_that_succeeds(bench: Bench, jobs: TrainingJobs) -> None:
    ref = submit(bench, jobs)
    assert jobs.status(ref).phase in (Phase.QUEUED, Phase.RUNNING)
    bench.begin(ref)
    assert jobs.status(ref).phase is Phase.RUNNING
    bench.succeed(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED
    assert status.result is not None
    assert status.result.model_uri
    assert len(status.result.digest) == 64
    assert status.result.metrics == {"auc": 0.9}
    assert status.failure is None
    assert bench.running() == []


def test_usage_is_metered(bench: Bench, jobs: TrainingJobs) -> None:
    bench.begin(ref := submit(bench, jobs))
    bench.succeed(ref)
    usage = jobs.status(ref).usage
    assert usage is not None
    assert usage.machine == bench.training_request().machine
    assert usage.seconds > 0
    assert usage.billed_seconds is None or usage.billed_seconds > 0
    assert usage.cpu_seconds is None or usage.cpu_seconds > 0
    assert usage.peak_memory_bytes is None or usage.peak_memory_bytes > 1 << 20
    assert not usage.spot


def test_a_job_that_fails_is_a_status_with_a_reason(bench: Bench, jobs: TrainingJobs) -> None:
    bench.begin(ref := submit(bench, jobs))
    bench.fail(ref, "loss is NaN")
    status = jobs.status(ref)
    assert status.phase is Phase.FAILED
    assert status.result is None
    assert status.failure is not None
    assert status.failure.code
    assert "loss is NaN" in status.failure.message


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


def test_lost_capacity_is_an_interruption_not_a_failure(bench: Bench, jobs: TrainingJobs) -> None:
    bench.begin(ref := submit(bench, jobs))
    bench.reclaim(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.result is None
    assert status.interruptions == 1
    assert bench.running() == []


@pytest.mark.parametrize("end", ["succeed", "fail"])
def test_no_attempt_is_judged_by_the_last_word_of_another(
    bench: Bench, jobs: TrainingJobs, end: str
) -> None:
    """Attempts share their output place, where an earlier one may have left a word."""
    first = submit(bench, jobs)
    bench.succeed(first) if end == "succeed" else bench.fail(first, "loss is NaN")
    bench.begin(second := submit(bench, jobs, KEY.next()))
    bench.reclaim(second)
    assert jobs.status(second).phase is Phase.INTERRUPTED


def test_an_interrupted_job_stays_interrupted(bench: Bench, jobs: TrainingJobs) -> None:
    """Asking for it again must not start it again: the next attempt has its own token."""
    bench.begin(ref := submit(bench, jobs))
    bench.reclaim(ref)
    assert submit(bench, jobs) == ref
    assert jobs.status(ref).phase is Phase.INTERRUPTED
    assert bench.created("training") == 1
    assert bench.running() == []


def test_a_finished_job_is_still_known_to_its_token(bench: Bench, jobs: TrainingJobs) -> None:
    bench.succeed(ref := submit(bench, jobs))
    before = jobs.status(ref)
    assert submit(bench, jobs) == ref
    assert bench.created("training") == 1
    assert jobs.status(ref) == before
    assert bench.running() == []


def test_cancel_may_be_repeated(bench: Bench, jobs: TrainingJobs) -> None:
    bench.begin(ref := submit(bench, jobs))
    jobs.cancel(ref)
    jobs.cancel(ref)
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED
    jobs.cancel(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED
    assert bench.running() == []


def test_cancelling_what_is_over_changes_nothing(bench: Bench, jobs: TrainingJobs) -> None:
    bench.succeed(ref := submit(bench, jobs))
    jobs.cancel(ref)
    assert jobs.status(ref).phase is Phase.SUCCEEDED


def test_an_unknown_job_is_not_found_but_may_be_cancelled(bench: Bench, jobs: TrainingJobs) -> None:
    ref = submit(bench, jobs).model_copy(update={"id": "0" * 32, "token": "0" * 32})
    with pytest.raises(NotFound) as caught:
        jobs.status(ref)
    assert (caught.value.provider, caught.value.operation) == (jobs.provider, "training.status")
    with pytest.raises(NotFound):
        list(jobs.logs(ref))
    jobs.cancel(ref)
    assert bench.created("training") == 1


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
    kept = [file for file in tmp_path.rglob("*") if file.is_file() and file.suffix != ".log"]
    assert not [file for file in kept if secret.encode() in file.read_bytes()]


def test_a_missing_secret_is_told_before_anything_starts(bench: Bench, jobs: TrainingJobs) -> None:
    request = bench.training_request().model_copy(update={"secrets": {"API_KEY": "not-there"}})
    with pytest.raises(NotFound, match="not-there"):
        jobs.submit(request, key=KEY)
    assert bench.created("training") == 0
