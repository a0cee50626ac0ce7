"""What every cloud's processing jobs do where a call fails or no machine comes."""

from __future__ import annotations

import pytest

from blocks.contracts import (
    Phase,
    ProcessingJobs,
    RunKey,
)
from blocks.emulation.launch import Emulator
from blocks.testing.bench import Bench
from blocks.testing.processing import TELLS
from blocks.testing.words import JobWords

CONTRACT = ProcessingJobs
KEY = RunKey(run="run-1", step="process")


@pytest.fixture
def jobs(bench: Bench) -> ProcessingJobs:
    return bench.connect(ProcessingJobs)


def test_what_was_done_before_the_reply_was_lost_is_found(
    bench: Bench, jobs: ProcessingJobs, emulator: Emulator, words: JobWords, done: str
) -> None:
    request = bench.processing_request(TELLS)
    emulator.fault(done, call=words.create)
    emulator.fault("stale-read", call=words.get)
    ref = jobs.submit(request, key=KEY)
    assert jobs.submit(request, key=KEY) == ref
    assert jobs.status(ref).phase is not Phase.FAILED
    assert bench.created("processing") == 1


def test_a_refusal_before_the_work_is_told_and_starts_nothing(
    bench: Bench, jobs: ProcessingJobs, emulator: Emulator, words: JobWords
) -> None:
    request = bench.processing_request(TELLS)
    for refused in words.refused:
        emulator.fault(refused.fault, call=words.create)
        with pytest.raises(refused.kind) as caught:
            jobs.submit(request, key=KEY)
        assert caught.value.code == refused.code, refused
        assert bench.created("processing") == 0, refused


def test_no_machine_ends_the_attempt_and_not_the_run(
    bench: Bench, jobs: ProcessingJobs, emulator: Emulator, words: JobWords
) -> None:
    emulator.fault(words.no_machine)
    request = bench.processing_request(TELLS)
    bench.settle(ref := jobs.submit(request, key=KEY))
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert status.failure.code == words.no_machine_says
    bench.settle(again := jobs.submit(request, key=KEY.next()))
    assert jobs.status(again).phase is Phase.SUCCEEDED
