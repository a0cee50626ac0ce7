"""Batch jobs when the cloud fails in the middle, in each cloud's own words."""

from __future__ import annotations

import pytest

from blocks.contracts import BatchInference, Phase, RunKey
from blocks.emulation.launch import Emulator
from blocks.testing.bench import Bench
from blocks.testing.words import JobWords

CONTRACT = BatchInference
KEY = RunKey(run="run-1", step="score")
FEW = 20


@pytest.fixture
def jobs(bench: Bench) -> BatchInference:
    return bench.connect(BatchInference)


def test_a_refusal_before_the_work_is_told_and_starts_nothing(
    bench: Bench, jobs: BatchInference, emulator: Emulator, words: JobWords
) -> None:
    for refused in words.refused:
        emulator.fault(refused.fault, call=words.create)
        with pytest.raises(refused.kind) as caught:
            jobs.submit(bench.batch_request(FEW), key=KEY)
        assert caught.value.code == refused.code, refused
        assert bench.created("batch") == 0, refused


def test_what_was_done_before_the_reply_was_lost_is_found(
    bench: Bench, jobs: BatchInference, emulator: Emulator, words: JobWords, done: str
) -> None:
    request = bench.batch_request(FEW)
    emulator.fault(done, call=words.create)
    emulator.fault("stale-read", call=words.get)
    ref = jobs.submit(request, key=KEY)
    assert jobs.submit(request, key=KEY) == ref
    assert jobs.status(ref).phase is not Phase.FAILED
    assert bench.created("batch") == 1


def test_no_machine_ends_the_attempt_and_not_the_run(
    bench: Bench, jobs: BatchInference, emulator: Emulator, words: JobWords
) -> None:
    emulator.fault(words.no_machine)
    request = bench.batch_request(FEW)
    bench.settle(ref := jobs.submit(request, key=KEY))
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.failure is not None
    assert status.failure.code == words.no_machine_says
    bench.settle(second := jobs.submit(request, key=KEY.next()))
    assert jobs.status(second).phase is Phase.SUCCEEDED


def test_reads_are_patient_with_passing_faults(
    bench: Bench, jobs: BatchInference, emulator: Emulator, words: JobWords
) -> None:
    ref = jobs.submit(bench.batch_request(FEW), key=KEY)
    for fault, call in words.passing:
        emulator.fault(fault, call=call)
    assert jobs.status(ref).phase is not Phase.FAILED
