"""Batch prediction jobs as the conformance suite sees them: an emulated project, and an owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blocks.providers.gcp.batch_levers import BatchKind
from blocks.providers.gcp.bench import GcpBench
from blocks.providers.gcp.beside import BesideBench
from blocks.providers.gcp.endpoint_levers import IMAGE
from blocks.providers.gcp.job_kinds import PREDICTION
from blocks.providers.gcp.prediction.batch import VertexBatchPrediction
from blocks.providers.gcp.prediction.calls import KIND

_JOBS = BatchKind(jobs=PREDICTION, label=KIND, reclaim="reclaim-replicas")


@contextmanager
def BatchPredictionBench(folder: Path) -> Iterator[BesideBench]:  # noqa: N802 - as a class's name
    """Open a world: a project, or, while another world is open, another owner in its project."""
    with GcpBench(folder) as gcp:
        levers = gcp.batch_levers(VertexBatchPrediction, _JOBS)
        kinds = {"batch": levers, "models": gcp.models}
        yield BesideBench("gcp-batch-prediction", gcp, kinds, {"batch": {"image": IMAGE}})
