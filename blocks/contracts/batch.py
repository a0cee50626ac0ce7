"""Predictions for a whole data set."""

from __future__ import annotations

import abc
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, final

from blocks.contracts.base import Contract
from blocks.contracts.errors import Unsupported
from blocks.contracts.models import ModelVersion
from blocks.contracts.operation import Frozen, OperationRef, OperationStatus, RunKey
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


class BatchInference(Contract):
    """Start, watch and stop batch predictions, as with training jobs."""

    capability: ClassVar[str] = "batch"
    features: ClassVar[BatchFeatures]

    @final
    def submit(self, request: BatchRequest, *, key: RunKey) -> OperationRef:
        """Start a job, or return the one already started under this key."""
        with self._calling("submit"):
            self.features.require(request)
            return self._submit(request, key.token(request))

    @final
    def status(self, ref: OperationRef) -> OperationStatus[BatchResult]:
        """Observe the job once. A job that failed is a status, not an exception."""
        with self._calling("status"):
            return self._status(ref)

    @final
    def cancel(self, ref: OperationRef) -> None:
        """Ask the job to stop. Cancelling a finished or unknown job does nothing."""
        with self._calling("cancel"):
            self._cancel(ref)

    @abc.abstractmethod
    def _submit(self, request: BatchRequest, token: str) -> OperationRef: ...
    @abc.abstractmethod
    def _status(self, ref: OperationRef) -> OperationStatus[BatchResult]: ...
    @abc.abstractmethod
    def _cancel(self, ref: OperationRef) -> None: ...
