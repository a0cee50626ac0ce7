"""What every provider's training jobs must do."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlsplit

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

CONTRACT = TrainingJobs
KEY = RunKey(run="run-1", step="train")


@pytest.fixture
def jobs(bench: Bench) -> TrainingJobs:
    return bench.connect(TrainingJobs)


def submit(bench: Bench, jobs: TrainingJobs, key: RunKey = KEY) -> OperationRef:
    return jobs.submit(bench.training_request(), key=key)


def test_submitting_twice_starts_one_job(bench: Bench, jobs: TrainingJobs) -> None:
    assert submit(bench, jobs) == submit(bench, jobs)
    assert bench.created("training") == 1


def test_a_job_has_a_page_that_is_its_own_or_none(bench: Bench, jobs: TrainingJobs) -> None:
    ref = submit(bench, jobs)
    page = jobs.page(ref)
    assert page == "" or urlsplit(page).scheme in ("http", "https")
    assert page == "" or ref.id in page


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
