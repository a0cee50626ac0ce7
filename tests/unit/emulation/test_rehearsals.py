"""The faults of a rehearsal strike, and are counted, whatever cloud is played."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blocks import registry
from blocks.contracts import (
    ObjectStore,
    Phase,
    ProviderError,
    RunKey,
    TrainingJobs,
    TrainingRequest,
)
from blocks.emulation.rehearsing import RECLAIM, EmulatedRehearsal
from blocks.registry import connect
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="train")
FAULTS = (RECLAIM, "lost-reply", "throttling")
MACHINES = {"aws": "ml.m5.large", "gcp": "n1-standard-4"}

SLOW_UNTIL_TAKEN = """
import time
from pathlib import Path
from typing import Any
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


@pytest.fixture(params=sorted(MACHINES))
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def world(
    provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[EmulatedRehearsal[Any]]:
    kind: type[EmulatedRehearsal[Any]] = registry.load(registry.provider(provider).rehearsal or "")
    monkeypatch.setattr(kind, "preloaded", True)
    with kind(tmp_path, faults=FAULTS) as world:
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield world


def request(provider: str) -> TrainingRequest:
    """Return a request in the rehearsal's own bucket."""
    store = connect(f"{provider}-store", ObjectStore)
    store.write(f"{store.root}/code/train.py", SLOW_UNTIL_TAKEN.encode())
    store.write(f"{store.root}/data/rows.csv", b"x\n1\n")
    return TrainingRequest(
        source_uri=f"{store.root}/code",
        command=("python", "train.py"),
        machine=MACHINES[provider],
        spot=True,
        data_uri=f"{store.root}/data",
        checkpoint_uri=f"{store.root}/checkpoints",
        output_uri=f"{store.root}/output",
    )


def test_a_machine_is_taken_in_the_middle_and_faults_strike_and_are_counted(
    provider: str, world: EmulatedRehearsal[Any]
) -> None:
    jobs, asked = connect(f"{provider}-training", TrainingJobs), request(provider)
    assert set(world.met()) == set(FAULTS)
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
    assert met["throttling"] == world.strikes["throttling"]["times"]
    refused = {each.operation.partition(":")[2] for each in world.calls() if each.refused}
    assert any(name.startswith("Create") for name in refused)
    assert world.left() == []


def _submitted(jobs: TrainingJobs, asked: TrainingRequest) -> bool:
    """Ask again while the fault is a passing one, as tasks do."""
    try:
        jobs.submit(asked, key=KEY)
    except ProviderError as error:
        if not error.retryable:
            raise
        return False
    return True


def test_a_machine_that_never_comes_is_given_up_in_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: type[EmulatedRehearsal[Any]] = registry.load(registry.provider("aws").rehearsal or "")
    monkeypatch.setattr(kind, "preloaded", True)
    with kind(tmp_path, faults=["capacity-error"]) as world:
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        jobs, asked = connect("aws-training", TrainingJobs), request("aws")
        world.strike()
        ref = jobs.submit(asked, key=KEY)
        until(lambda: jobs.status(ref).phase.done)
        assert jobs.status(ref).phase is Phase.INTERRUPTED
        assert world.met() == {"capacity-error": 1}
