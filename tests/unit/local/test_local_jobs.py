"""What this machine's training jobs do beyond the contract, and when things go wrong."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from blocks.contracts import InvalidRequest, NotFound, OperationRef, Phase
from blocks.providers.local import processes
from blocks.providers.local.jobs import Command, Job, JobFolder, Started
from blocks.providers.local.training import LocalTraining
from blocks.testing.bench import Bench
from blocks.testing.waiting import until
from tests.unit.local.begun_jobs import KEY, begun, command_of, folder_of

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
    assert Path(told["cwd"]) == folder_of(jobs, ref).source
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
    (folder_of(jobs, ref).source / "go").touch()
    bench.settle(ref)
    rest = list(jobs.logs(ref, since=first[-1].at))
    assert [line.text for line in rest] == ["no end yet"]


def test_progress_can_be_followed(bench: Bench, jobs: LocalTraining) -> None:
    script = "from blocks.workload import Job\nimport time\nwith Job.from_environment() as job:\n"
    script += "    job.progress(done=1, of=4)\n    while True: time.sleep(0.02)\n"
    ref = jobs.submit(bench.training_request(script=script), key=KEY)
    until(lambda: jobs.status(ref).progress == 0.25)
    assert jobs.status(ref).phase is Phase.RUNNING


def test_the_command_leads_a_session_of_its_own(bench: Bench, jobs: LocalTraining) -> None:
    """So that a terminal that is closed, or a key that is pressed, does not reach it."""
    ref = begun(bench, jobs, bench.training_request())
    pid = command_of(jobs, ref).pid
    assert os.getsid(pid) == pid != os.getsid(0)
    assert psutil.Process(pid).username() == psutil.Process().username()
