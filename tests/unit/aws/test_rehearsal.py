"""The faults of a rehearsal strike, and are counted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.contracts import Phase, RunKey, Throttled, TrainingJobs, TrainingRequest
from blocks.emulation.rehearsing import RECLAIM
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.rehearsal import FAULTS, AwsRehearsal
from blocks.providers.aws.training_levers import TrainingLevers
from blocks.registry import connect
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="train")

SLOW_UNTIL_TAKEN = """
import time
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    start = job.checkpoints.latest()
    if not start:
        with job.checkpoints.saving(1) as folder:
            (folder / "half").write_text("")
        while True:
            job.progress(done=1, of=2)
            job.stop_if_noticed()
            time.sleep(0.05)
    model = Path(f"{job.token}.model")
    model.mkdir()
    (model / "weights").write_text("1")
    job.succeed(model=model, metrics={"from": start.step})
"""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsRehearsal]:
    with AwsRehearsal(tmp_path, faults=[RECLAIM, "lost-reply", "throttling"]) as world:
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


def request(world: AwsRehearsal) -> TrainingRequest:
    """Return a request as a bench makes it, in the rehearsal's own bucket."""
    account = AwsAccount()
    emulator = Account(Path(), url=account.endpoint_url, pid=0, region=account.region)
    return TrainingLevers(account, emulator).request(SLOW_UNTIL_TAKEN)


def test_a_machine_is_taken_in_the_middle_and_faults_strike_and_are_counted(
    world: AwsRehearsal,
) -> None:
    jobs = connect("aws-training", TrainingJobs)
    asked = request(world).model_copy(update={"spot": True})
    assert set(world.met()) == {RECLAIM, "lost-reply", "throttling"}
    world.strike()
    until(lambda: _submitted(jobs, asked))
    ref = jobs.submit(asked, key=KEY)
    until(lambda: jobs.status(ref).phase.done)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED
    assert status.interruptions == 1
    met = world.met()
    assert met[RECLAIM] == 1
    assert met["lost-reply"] == 1
    assert met["throttling"] == FAULTS["throttling"]["times"]
    called = {each.operation: each for each in world.calls()}
    assert called["sagemaker:CreateTrainingJob"].refused >= 1
    assert world.left() == []


def _submitted(jobs: TrainingJobs, asked: TrainingRequest) -> bool:
    """Ask again while the fault is a passing one, as tasks do."""
    try:
        jobs.submit(asked, key=KEY)
    except Throttled:
        return False
    return True
