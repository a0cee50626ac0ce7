"""What only Vertex AI does to training jobs, and what training makes of it."""

from __future__ import annotations

import threading
from typing import Any

from blocks.contracts import OperationRef, Phase, RunKey, TrainingJobs
from blocks.providers.gcp.emulator.launch import Project
from blocks.providers.gcp.training import VertexTraining
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="train")
CREATE = "aiplatform:CreateCustomJob"
LIST = "aiplatform:ListCustomJobs"


def test_who_was_too_slow_cancels_what_it_made(
    bench: Any, jobs: TrainingJobs, emulator: Project
) -> None:
    """Another has taken over meanwhile and made a job of its own: one of the two goes on."""
    emulator.fault("held-reply", call=CREATE)
    emulator.fault("stale-read", call=LIST, times=4)  # the first one's job does not show in time
    request, found = bench.training_request(), list[OperationRef]()
    first = threading.Thread(target=lambda: found.append(jobs.submit(request, key=KEY)))
    first.start()
    until(emulator.running)
    second = bench.connect(TrainingJobs).submit(request, key=KEY)
    emulator.pull("calm")
    first.join()
    assert found == [second]
    assert bench.created("training") == 2
    bench.succeed(second)
    until(lambda: bench.running() == [])
    assert jobs.submit(bench.training_request(), key=KEY) == second


def test_where_restarts_are_not_wanted_a_lost_machine_ends_the_attempt(
    bench: Any, emulator: Project
) -> None:
    jobs = VertexTraining(account=bench.account, restart=False)
    request = bench.training_request().model_copy(update={"spot": True})
    bench.begin(ref := jobs.submit(request, key=KEY))
    emulator.pull("reclaim", job=ref.id)
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.INTERRUPTED
    assert status.interruptions == 1


def test_dollars_and_accelerators_arrive(bench: Any, jobs: TrainingJobs) -> None:
    """Vertex AI would take $(HOME) for a variable of its own."""
    odd = {"ODD": "$(HOME) $$(HOME) $HOME $$ $(", "HOME": "/root"}
    machine = "n1-standard-8+2xNVIDIA_TESLA_T4"
    request = bench.training_request().model_copy(update={"env": odd, "machine": machine})
    bench.begin(ref := jobs.submit(request, key=KEY))
    seen = bench.seen(ref)
    assert seen["env"] == odd
    assert seen["machine"] == machine
