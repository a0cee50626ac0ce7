"""Predictions for a whole data set."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from blocks.contracts.errors import Unsupported
from blocks.contracts.jobs import Jobs
from blocks.contracts.models import ModelVersion
from blocks.contracts.operation import Frozen
from blocks.contracts.training import Idempotency


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFeatures:
    """What a provider's batch inference can do."""

    idempotency: Idempotency
    spot: bool

    def require(self, request: BatchRequest) -> None:
        """Raise Unsupported for the first thing asked that is not on offer."""
        if request.spot and not self.spot:
            raise Unsupported("no spot capacity for batch jobs here; set spot=False", code="SPOT")


class BatchRequest(Frozen):
    """One model over one Parquet data set."""

    model: ModelVersion
    data_uri: str  # a Parquet file, or a folder of them
    output_uri: str  # folder: one Parquet file for each input file, input columns + ``prediction``
    machine: str
    spot: bool = False
    max_duration: timedelta = timedelta(hours=12)


class BatchResult(Frozen):
    """Where the predictions are."""

    output_uri: str
    rows: int


class BatchInference(Jobs[BatchRequest, BatchResult]):
    """Start, watch and stop batch predictions, as with training jobs.

    A finished file is under its name at the latest when ``status`` has looked at the job.
    """

    capability: ClassVar[str] = "batch"
    features: ClassVar[BatchFeatures]

    def _require(self, request: BatchRequest) -> None:
        self.features.require(request)
