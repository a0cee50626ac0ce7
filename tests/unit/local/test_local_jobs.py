"""What this machine's training jobs do beyond the contract, and when things go wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from blocks.contracts import InvalidRequest, NotFound, OperationRef, Phase, RunKey, TrainingRequest
from blocks.providers.local import processes
from blocks.providers.local.bench import LocalBench
from blocks.providers.local.jobs import Command, Job, JobFolder, Started, StopOrder, StopReason
from blocks.providers.local.market import Market
from blocks.providers.local.training import LocalTraining
from blocks.testing.bench import Bench
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="train")

IGNORES_NOTICE = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True:
    time.sleep(0.02)
"""

TELLS_ITS_ENVIRONMENT = """
import json, os, sys
from pathlib import Path
from blocks.workload import Job
with Job.from_environment() as job:
    print(json.dumps({"env": dict(os.environ), "exe": sys.executable, "cwd": os.getcwd()}))
    raise SystemExit(3)
"""

USES_MEMORY_AND_TIME = """
import time
block = bytearray(150_000_000)
for index in range(0, len(block), 4096):
    block[index] = 1
end = time.process_time() + 0.5
while time.process_time() < end:
    pass
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with LocalBench(tmp_path) as bench:
        yield bench


@pytest.fixture
def jobs(bench: Bench) -> LocalTraining:
    return bench.connect(LocalTraining)


def folder_of(jobs: LocalTraining, ref: OperationRef) -> JobFolder:
    return JobFolder(jobs.machine.folder("jobs") / ref.id)


def begun(bench: Bench, jobs: LocalTraining, request: TrainingRequest) -> OperationRef:
    bench.begin(ref := jobs.submit(request, key=KEY))
    return ref


def kill_runner(jobs: LocalTraining, ref: OperationRef) -> None:
    started = folder_of(jobs, ref).read(Started)
    assert started is not None
    os.kill(started.runner.pid, signal.SIGKILL)
    until(lambda: not processes.alive(started.runner))


def command_of(jobs: LocalTraining, ref: OperationRef) -> processes.Identity:
    command = folder_of(jobs, ref).read(Command)
    assert command is not None
    return command.process


def failure_of(jobs: LocalTraining, ref: OperationRef) -> tuple[Phase, str, str]:
    status = jobs.status(ref)
    assert status.failure is not None
    return status.phase, status.failure.code, status.failure.message


@pytest.mark.parametrize("end", ["succeed", "fail"])
def test_a_job_whose_runner_was_killed_goes_on_to_its_end(
    bench: Bench, jobs: LocalTraining, end: str
) -> None:
    ref = begun(bench, jobs, bench.training_request())
    kill_runner(jobs, ref)
    assert jobs.status(ref).phase is Phase.RUNNING
    assert jobs.submit(bench.training_request(), key=KEY) == ref
    assert len(bench.running()) == 1
    if end == "succeed":
        bench.succeed(ref)
        assert jobs.status(ref).phase is Phase.SUCCEEDED
    else:
        bench.fail(ref, "loss is NaN")
        assert failure_of(jobs, ref)[:2] == (Phase.FAILED, "ValueError")
    assert bench.created("training") == 1


def test_a_job_whose_runner_was_killed_can_be_cancelled(bench: Bench, jobs: LocalTraining) -> None:
    ref = begun(bench, jobs, bench.training_request(script=IGNORES_NOTICE))
    kill_runner(jobs, ref)
    impatient = LocalTraining(machine=jobs.machine)
    impatient.cancel(ref)
    order = folder_of(jobs, ref).read(StopOrder)
    job = folder_of(jobs, ref).read(Job)
    assert order is not None
    assert job is not None
    folder_of(jobs, ref).write(job.model_copy(update={"grace": 0.0}))
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED
    assert bench.running() == []


def test_a_job_whose_runner_was_killed_still_has_a_longest_duration(
    bench: Bench, jobs: LocalTraining
) -> None:
    ref = begun(bench, jobs, bench.training_request())
    kill_runner(jobs, ref)
    folder = folder_of(jobs, ref)
    job = folder.read(Job)
    assert job is not None
    shorter = job.request.model_copy(update={"max_duration": timedelta(0)})
    folder.write(job.model_copy(update={"request": shorter, "grace": 0.0}))
    bench.settle(ref)
    assert failure_of(jobs, ref)[:2] == (Phase.FAILED, "MAX_DURATION")


def test_a_runner_killed_with_its_job_is_a_machine_that_is_gone(
    bench: Bench, jobs: LocalTraining
) -> None:
    ref = begun(bench, jobs, bench.training_request())
    kill_runner(jobs, ref)
    os.kill(command_of(jobs, ref).pid, signal.SIGKILL)
    bench.settle(ref)
    assert failure_of(jobs, ref)[:2] == (Phase.INTERRUPTED, "MACHINE_GONE")


def test_a_submitter_that_died_before_the_start_is_made_good_by_any_look(
    bench: Bench, jobs: LocalTraining
) -> None:
    """The folder is there, and nobody ever started what it asks for."""
    request, token = bench.training_request(), KEY.token(bench.training_request())
    job = Job(token=token, request=request, created=datetime.now(UTC), owner=jobs.machine.owner)
    JobFolder.create(jobs.machine.folder("jobs") / token, job)
    ref = OperationRef(provider="local", capability="training", id=token, token=token)
    assert jobs.status(ref).phase in (Phase.QUEUED, Phase.RUNNING)
    bench.succeed(ref)
    assert jobs.submit(request, key=KEY) == ref
    assert bench.created("training") == 1


def test_what_was_started_is_never_started_again(bench: Bench, jobs: LocalTraining) -> None:
    """A runner that died after saying so may have run the command: asking again is too late."""
    request, token = bench.training_request(), KEY.token(bench.training_request())
    path = jobs.machine.folder("jobs") / token
    job = Job(token=token, request=request, created=datetime.now(UTC), owner=jobs.machine.owner)
    JobFolder.create(path, job)
    dead = processes.Identity(pid=2**22 - 1, started=0)
    JobFolder(path).write(Started(runner=dead, at=datetime.now(UTC)))
    ref = jobs.submit(request, key=KEY)
    assert jobs.status(ref).phase is Phase.INTERRUPTED
    assert bench.running() == []


def test_a_job_cancelled_before_it_began_never_runs(bench: Bench, jobs: LocalTraining) -> None:
    request, token = bench.training_request(), KEY.token(bench.training_request())
    path = jobs.machine.folder("jobs") / token
    job = Job(token=token, request=request, created=datetime.now(UTC), owner=jobs.machine.owner)
    JobFolder.create(path, job)
    ref = OperationRef(provider="local", capability="training", id=token, token=token)
    jobs.cancel(ref)
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED
    assert JobFolder(path).read(Command) is None


def test_a_job_that_lacks_its_secrets_waits_for_who_has_them(
    bench: Bench, jobs: LocalTraining
) -> None:
    """Any process may look at a job or cancel it, also one without the secrets to start it."""
    request = bench.training_request().model_copy(update={"secrets": {"KEY": "far-away"}})
    token = KEY.token(request)
    path = jobs.machine.folder("jobs") / token
    job = Job(token=token, request=request, created=datetime.now(UTC), owner=jobs.machine.owner)
    JobFolder.create(path, job)
    ref = OperationRef(provider="local", capability="training", id=token, token=token)
    assert jobs.status(ref).phase is Phase.QUEUED
    with pytest.raises(NotFound, match="far-away"):
        jobs.submit(request, key=KEY)
    jobs.cancel(ref)
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.CANCELLED


def test_every_job_of_the_workspace_is_listed(bench: Bench, jobs: LocalTraining) -> None:
    assert list(jobs.refs()) == []
    keys = [KEY, KEY.next(), KEY.next().next()]
    refs = [jobs.submit(bench.training_request(), key=key) for key in keys]
    assert list(jobs.refs()) == refs


def test_a_job_that_ignores_the_notice_is_killed(bench: Bench, jobs: LocalTraining) -> None:
    quick = jobs.model_copy(update={"market": Market(notice=0.1)})
    request = bench.training_request(script=IGNORES_NOTICE).model_copy(update={"spot": True})
    ref = quick.submit(request, key=KEY)
    until(lambda: [line.text for line in quick.logs(ref)] == ["deaf"])
    quick.reclaim(ref)
    bench.settle(ref)
    assert failure_of(quick, ref)[:2] == (Phase.INTERRUPTED, "RECLAIMED")
    assert bench.running() == []


def test_only_spot_jobs_are_taken_back(bench: Bench, jobs: LocalTraining) -> None:
    ref = begun(bench, jobs, bench.training_request())
    with pytest.raises(InvalidRequest, match="spot"):
        jobs.reclaim(ref)
    with pytest.raises(NotFound):
        jobs.reclaim(ref.model_copy(update={"id": "0" * 32}))
    assert jobs.status(ref).phase is Phase.RUNNING


def test_what_the_command_leaves_behind_ends_with_it(bench: Bench, jobs: LocalTraining) -> None:
    """Also in a session of its own."""
    command = ("sh", "-c", "setsid sleep 1000 & sleep 1000 & echo $!; exit 3")
    request = bench.training_request().model_copy(update={"command": command})
    bench.settle(ref := jobs.submit(request, key=KEY))
    assert failure_of(jobs, ref)[:2] == (Phase.FAILED, "EXIT_3")
    assert bench.running() == []


def test_a_command_killed_from_outside_has_failed(bench: Bench, jobs: LocalTraining) -> None:
    """As by the kernel when memory runs out: trying again would end the same way."""
    ref = begun(bench, jobs, bench.training_request())
    os.kill(command_of(jobs, ref).pid, signal.SIGKILL)
    bench.settle(ref)
    phase, code, message = failure_of(jobs, ref)
    assert (phase, code) == (Phase.FAILED, "SIGKILL")
    assert "memory" in message


def test_a_runner_told_to_end_lets_its_job_save_first(bench: Bench, jobs: LocalTraining) -> None:
    """As when this machine is shut down."""
    ref = begun(bench, jobs, bench.training_request())
    until(lambda: list(jobs.logs(ref)))
    started = folder_of(jobs, ref).read(Started)
    assert started is not None
    os.kill(started.runner.pid, signal.SIGTERM)
    bench.settle(ref)
    assert jobs.status(ref).phase is Phase.INTERRUPTED
    assert bench.running() == []


def test_a_command_that_is_not_there_is_a_failure(bench: Bench, jobs: LocalTraining) -> None:
    request = bench.training_request().model_copy(update={"command": ("no-such-program",)})
    bench.settle(ref := jobs.submit(request, key=KEY))
    phase, code, message = failure_of(jobs, ref)
    assert (phase, code) == (Phase.FAILED, "NO_COMMAND")
    assert "no-such-program" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"source_uri": "file:///no/such/folder"}, "source_uri: /no/such/folder is not a folder"),
        ({"data_uri": "file:///no/such/file"}, "data_uri: there is nothing at /no/such/file"),
        ({"data_uri": "s3://bucket/data"}, "s3://bucket/data.*file://"),
        ({"output_uri": "s3://bucket/out"}, "s3://bucket/out.*file://"),
        ({"checkpoint_uri": "relative"}, "relative.*file://"),
    ],
)
def test_what_could_never_run_is_refused_first(
    bench: Bench, jobs: LocalTraining, change: dict[str, str], message: str
) -> None:
    with pytest.raises(InvalidRequest, match=message):
        jobs.submit(bench.training_request().model_copy(update=change), key=KEY)
    assert bench.created("training") == 0


@pytest.mark.parametrize("id_", ["../jobs/{}", "{}/", "./{}", "../../etc", "", "."])
def test_an_id_is_a_name_and_never_a_path(bench: Bench, jobs: LocalTraining, id_: str) -> None:
    """Else a ref from elsewhere could lead out of the workspace."""
    ref = jobs.submit(bench.training_request(), key=KEY)
    assert jobs.status(ref)
    with pytest.raises(NotFound):
        jobs.status(ref.model_copy(update={"id": id_.format(ref.id)}))


def test_the_job_sees_its_own_environment_and_nothing_of_ours(
    bench: Bench, jobs: LocalTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_KEY", "ours")
    monkeypatch.setenv("BLUEWATER_SECRET_OTHER", "not asked for")
    monkeypatch.setenv("BLUEWATER_ATTEMPT", "7")
    monkeypatch.setenv("FROM_THE_MACHINE", "yes")
    bench.keep_secret("api-key", "sesame")
    request = bench.training_request(script=TELLS_ITS_ENVIRONMENT)
    request = request.model_copy(
        update={"secrets": {"PREFECT_API_URL": "api-key"}, "env": {"MINE": "1"}}
    )
    bench.settle(ref := jobs.submit(request, key=KEY))
    told = json.loads(next(jobs.logs(ref)).text)
    assert told["exe"] == sys.executable
    assert Path(told["cwd"]).as_uri() == request.source_uri
    env = told["env"]
    assert (env["PREFECT_API_URL"], env["MINE"], env["FROM_THE_MACHINE"]) == ("sesame", "1", "yes")
    assert not {"PREFECT_API_KEY", "BLUEWATER_SECRET_OTHER", "BLUEWATER_ATTEMPT"} & env.keys()
    assert env["BLUEWATER_TOKEN"] == ref.token


def test_memory_and_time_are_measured(bench: Bench, jobs: LocalTraining) -> None:
    ref = jobs.submit(bench.training_request(script=USES_MEMORY_AND_TIME), key=KEY)
    bench.settle(ref)
    usage = jobs.status(ref).usage
    assert usage is not None
    assert usage.peak_memory_bytes is not None
    assert 150_000_000 < usage.peak_memory_bytes < 400_000_000
    assert usage.cpu_seconds is not None
    assert 0.5 < usage.cpu_seconds < 10
    assert usage.billed_seconds == usage.seconds >= 0.5


def test_logs_can_be_followed_while_the_job_writes(bench: Bench, jobs: LocalTraining) -> None:
    script = """
import sys, time
from pathlib import Path
for line in range(5):
    sys.stdout.write(f"line {line}\\n")
sys.stdout.write("no end")
sys.stdout.flush()
while not Path("go").exists():
    time.sleep(0.01)
print(" yet")
"""
    request = bench.training_request(script=script)
    ref = jobs.submit(request, key=KEY)
    until(lambda: len(list(jobs.logs(ref))) == 5)  # each was a write of its own
    first = list(jobs.logs(ref))
    assert [line.text for line in first] == [f"line {line}" for line in range(5)]
    Path(request.source_uri.removeprefix("file://"), "go").touch()
    bench.settle(ref)
    rest = list(jobs.logs(ref, since=first[-1].at))
    assert [line.text for line in rest] == ["no end yet"]


def test_progress_can_be_followed(bench: Bench, jobs: LocalTraining) -> None:
    script = "from blocks.workload import Job\nimport time\nwith Job.from_environment() as job:\n"
    script += "    job.progress(done=1, of=4)\n    while True: time.sleep(0.02)\n"
    ref = jobs.submit(bench.training_request(script=script), key=KEY)
    until(lambda: jobs.status(ref).progress == 0.25)
    assert jobs.status(ref).phase is Phase.RUNNING


def test_the_first_order_to_stop_counts(bench: Bench, jobs: LocalTraining) -> None:
    ref = begun(bench, jobs, bench.training_request(script=IGNORES_NOTICE))
    folder_of(jobs, ref).order_stop(StopReason.RECLAIMED)
    jobs.cancel(ref)
    order = folder_of(jobs, ref).read(StopOrder)
    assert order is not None
    assert order.reason is StopReason.RECLAIMED


def test_the_command_leads_a_session_of_its_own(bench: Bench, jobs: LocalTraining) -> None:
    """So that a terminal that is closed, or a key that is pressed, does not reach it."""
    ref = begun(bench, jobs, bench.training_request())
    pid = command_of(jobs, ref).pid
    assert os.getsid(pid) == pid != os.getsid(0)
    assert psutil.Process(pid).username() == psutil.Process().username()
