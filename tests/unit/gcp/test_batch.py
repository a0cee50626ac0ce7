"""What only Vertex AI does to batch jobs."""

from __future__ import annotations

from typing import Any

from blocks.contracts import BatchInference, Phase, RunKey


def test_a_spot_machine_that_is_taken_with_notice_is_an_interruption(bench: Any) -> None:
    """The container says that it was stopped; who stopped it is Vertex AI's to say."""
    jobs = bench.connect(BatchInference)
    request = bench.batch_request(200, kind="held").model_copy(update={"spot": True})
    bench.begin(ref := jobs.submit(request, key=RunKey(run="run-1", step="score")))
    bench.reclaim(ref)
    assert jobs.status(ref).phase is Phase.INTERRUPTED
