"""What every provider's processing jobs must do."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from blocks.contracts import (
    Idempotency,
    InvalidRequest,
    Inventory,
    NotFound,
    ObjectStore,
    OperationRef,
    OperationStatus,
    Phase,
    ProcessingJobs,
    ProcessingRequest,
    ProcessingResult,
    RunKey,
    Unsupported,
)
from blocks.testing.bench import Bench
from blocks.testing.crowd import crowd
from blocks.testing.processing import ADDS, FAILS, GOES_ON, ROWS, TELLS
from blocks.testing.waiting import until

CONTRACT = ProcessingJobs
KEY = RunKey(run="run-1", step="process")
WITHOUT = "Spark is in a group of its own: uv pip install --group spark"


@pytest.fixture
def jobs(bench: Bench) -> ProcessingJobs:
    return bench.connect(ProcessingJobs)


@pytest.fixture
def store(bench: Bench) -> ObjectStore:
    return bench.connect(ObjectStore)


def settled(
    bench: Bench, jobs: ProcessingJobs, request: ProcessingRequest, key: RunKey = KEY
) -> OperationStatus[ProcessingResult]:
    bench.settle(ref := jobs.submit(request, key=key))
    return jobs.status(ref)


def kept(store: ObjectStore, folder: str) -> dict[str, bytes]:
    """Return what is below a folder, by its relative path."""
    return {
        each.uri.removeprefix(f"{folder}/"): store.read(each.uri) for each in store.walk(folder)
    }


def test_a_command_reads_its_inputs_and_its_outputs_come_back(
    bench: Bench, jobs: ProcessingJobs, store: ObjectStore
) -> None:
    bench.keep_secret("api-key", "sesame")
    request = bench.processing_request(TELLS).model_copy(
        update={"env": {"GREETING": "grüß Gott"}, "secrets": {"API_KEY": "api-key"}}
    )
    store.write(f"{request.outputs['more']}/before.txt", b"stays")
    bench.settle(ref := jobs.submit(request, key=KEY))
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED, status.failure
    assert status.result == ProcessingResult(outputs=request.outputs)
    found, more = (kept(store, request.outputs[name]) for name in ("found", "more"))
    assert list(found) == ["told.json"]
    assert json.loads(found["told.json"]) == {
        "GREETING": "grüß Gott",
        "API_KEY": "sesame",
        "rows": {"a.csv": ROWS.decode(), "deep/b.csv": ROWS.decode()},
        "one": {"single.csv": ROWS.decode()},
        "beside": "beside",
    }
    assert more == {"before.txt": b"stays", "deep/words.txt": b"more"}
    assert status.usage is not None
    assert (status.usage.machine, status.usage.seconds > 0) == (request.machine, True)
    assert "telling what it was given" in [line.text for line in jobs.logs(ref)]
    assert "sesame" not in f"{ref}{status}"
    assert bench.running() == []


def test_submitting_twice_starts_one_job(bench: Bench, jobs: ProcessingJobs) -> None:
    request = bench.processing_request(TELLS)
    ref = jobs.submit(request, key=KEY)
    assert jobs.submit(request, key=KEY) == ref
    bench.settle(ref)
    assert jobs.submit(request, key=KEY) == ref
    assert bench.created("processing") == 1
    assert jobs.submit(request, key=KEY.next()).id != ref.id
    other = request.model_copy(update={"env": {"GREETING": "hello"}})
    assert jobs.submit(other, key=KEY).id != ref.id
    assert bench.created("processing") == 3


def test_many_at_once_start_one_job(bench: Bench, jobs: ProcessingJobs) -> None:
    if jobs.features.idempotency is Idempotency.LISTED:
        pytest.skip("this provider says that two callers at once may both create")
    request = bench.processing_request(TELLS)
    with crowd(jobs, "submit", [((request,), {"key": KEY})] * 4) as strangers:
        refs = [each.told() for each in strangers]
    assert refs == [refs[0]] * 4
    assert bench.created("processing") == 1


def test_a_stranger_can_reattach_from_json_and_stop_it(bench: Bench, jobs: ProcessingJobs) -> None:
    """Stands for an orchestrator that crashed and came back as a new process."""
    request = bench.processing_request(GOES_ON)
    ref = OperationRef.model_validate_json(jobs.submit(request, key=KEY).model_dump_json())
    assert (ref.provider, ref.capability) == (jobs.provider, "processing")
    assert ref.token == KEY.token(request)
    bench.begin(ref)
    later = bench.connect(ProcessingJobs)
    assert later.status(ref).phase is Phase.RUNNING
    until(lambda: "going on" in [line.text for line in later.logs(ref)])
    later.cancel(ref)
    later.cancel(ref)
    bench.settle(ref)
    status = later.status(ref)
    assert status.phase is Phase.CANCELLED
    assert OperationStatus[ProcessingResult].model_validate_json(status.model_dump_json()) == status
    later.cancel(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED
    assert bench.running() == []


def test_a_failure_is_a_status_with_its_words_and_without_outputs(
    bench: Bench, jobs: ProcessingJobs, store: ObjectStore
) -> None:
    request = bench.processing_request(FAILS)
    bench.settle(ref := jobs.submit(request, key=KEY))
    status = jobs.status(ref)
    assert (status.phase, status.result) == (Phase.FAILED, None)
    assert status.failure is not None
    assert status.failure.code
    assert "the rows are upside down" in status.failure.message
    assert kept(store, request.outputs["found"]) == {}
    jobs.cancel(ref)
    assert jobs.status(ref).phase is Phase.FAILED


def test_a_job_that_takes_too_long_is_ended(bench: Bench, jobs: ProcessingJobs) -> None:
    request = bench.processing_request(GOES_ON).model_copy(
        update={"max_duration": timedelta(seconds=1)}
    )
    status = settled(bench, jobs, request)
    assert status.phase is Phase.FAILED
    assert status.failure is not None
    assert status.failure.code == "MAX_DURATION"
    assert bench.running() == []


def test_a_lost_machine_ends_the_attempt_and_not_the_run(
    bench: Bench, jobs: ProcessingJobs
) -> None:
    request = bench.processing_request(GOES_ON)
    bench.begin(ref := jobs.submit(request, key=KEY))
    bench.reclaim(ref)
    status = jobs.status(ref)
    assert (status.phase, status.interruptions) == (Phase.INTERRUPTED, 1)
    assert jobs.submit(request, key=KEY) == ref
    assert jobs.submit(request, key=KEY.next()).id != ref.id


def test_the_inventory_tells_of_a_job_and_stops_it(bench: Bench, jobs: ProcessingJobs) -> None:
    """By where it writes, a sweep knows which run it is of."""
    request = bench.processing_request(GOES_ON)
    bench.begin(ref := jobs.submit(request, key=KEY))
    inventory = bench.connect(Inventory)
    (found,) = [each for each in inventory.owned() if each.running]
    assert found.output_uri.startswith(request.outputs["found"])
    assert [each.machine for each in found.machines] == [request.machine]
    inventory.remove(found)
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED
    assert not any(each.running for each in inventory.owned())


def test_what_was_never_there_is_not_found_and_nothing_to_stop(
    bench: Bench, jobs: ProcessingJobs
) -> None:
    bench.settle(ref := jobs.submit(bench.processing_request(TELLS), key=KEY))
    unknown = ref.model_copy(update={"id": "0" * 32, "token": "0" * 32})
    jobs.cancel(unknown)
    with pytest.raises(NotFound) as caught:
        jobs.status(unknown)
    assert (caught.value.provider, caught.value.operation) == (jobs.provider, "processing.status")


def test_what_could_never_run_is_refused_before_anything_starts(
    bench: Bench, jobs: ProcessingJobs, store: ObjectStore
) -> None:
    request = bench.processing_request(TELLS)
    nothing = f"{store.root}/nothing-here"
    rows = request.inputs["rows"]
    for change, said in (
        ({"inputs": {**request.inputs, "rows": nothing}}, "inputs.rows"),
        ({"source_uri": nothing}, "source_uri"),
        ({"outputs": {"found": f"{rows}/found"}}, "outputs.found"),
        ({"outputs": {"found": rows}}, "outputs.found"),
    ):
        with pytest.raises(InvalidRequest, match=said):
            jobs.submit(request.model_copy(update=change), key=KEY)
    with pytest.raises(NotFound, match="no-such-secret"):
        jobs.submit(request.model_copy(update={"secrets": {"API_KEY": "no-such-secret"}}), key=KEY)
    assert bench.created("processing") == 0


@pytest.mark.parametrize(
    "change",
    [{"inputs": {"rows": "ftp://elsewhere/rows"}}, {"outputs": {"found": "ftp://elsewhere/found"}}],
    ids=["inputs", "outputs"],
)
def test_a_place_that_machines_cannot_reach_is_refused(
    bench: Bench, jobs: ProcessingJobs, change: Mapping[str, Any]
) -> None:
    """The other side of the scheme on offer is every other test."""
    with pytest.raises(Unsupported, match="cannot reach") as caught:
        jobs.submit(bench.processing_request(TELLS).model_copy(update=change), key=KEY)
    assert caught.value.code == "SCHEME"
    assert bench.created("processing") == 0


def test_spark_and_the_longest_duration_are_kept_or_refused(
    bench: Bench, jobs: ProcessingJobs, changed: Callable[..., ProcessingJobs]
) -> None:
    """A flag may lie neither way: on means it works, off means an early, typed no."""
    request = bench.processing_request(TELLS)
    limit = jobs.features.max_duration
    longest = request.model_copy(update={"max_duration": limit or timedelta(days=400)})
    assert settled(bench, jobs, longest).phase is Phase.SUCCEEDED
    lesser = changed(spark=False, max_duration=timedelta(hours=1))
    for code, change in (
        ("SPARK", {"spark": True}),
        ("MAX_DURATION", {"max_duration": timedelta(hours=1, seconds=1)}),
    ):
        with pytest.raises(Unsupported) as caught:
            lesser.submit(request.model_copy(update=change), key=KEY.next())
        assert caught.value.code == code
    assert bench.created("processing") == 1


def test_a_spark_program_finds_the_session_of_its_machine(
    bench: Bench, jobs: ProcessingJobs, store: ObjectStore
) -> None:
    if not jobs.features.spark:
        pytest.skip("this provider says that it has no Spark")
    pytest.importorskip("pyspark.core", reason=WITHOUT)
    request = bench.processing_request(ADDS).model_copy(update={"spark": True})
    bench.settle(ref := jobs.submit(request, key=KEY))
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED, status.failure
    found = json.loads(kept(store, request.outputs["found"])["told.json"])
    assert (found["sum"], found["doubled"]) == (6, 12)
    assert found["spark"].startswith("4.")
    assert "added up" in [line.text for line in jobs.logs(ref)]
    failing = bench.processing_request(FAILS).model_copy(update={"spark": True})
    failed = settled(bench, jobs, failing)
    assert failed.phase is Phase.FAILED
    assert failed.failure is not None
    assert "the rows are upside down" in failed.failure.message


def test_spark_is_for_python_programs(
    bench: Bench, jobs: ProcessingJobs, changed: Callable[..., ProcessingJobs]
) -> None:
    request = bench.processing_request(TELLS)
    other = request.model_copy(update={"spark": True, "command": ("bash", "work.sh")})
    with pytest.raises(InvalidRequest, match="bash finds no Spark session"):
        changed(spark=True).submit(other, key=KEY)
    assert bench.created("processing") == 0
