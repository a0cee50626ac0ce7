"""Batch by Spark as the conformance suite sees it: clusters of a driver and two workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import Contract
from blocks.providers.databricks.batch_levers import IMAGE, BatchLevers
from blocks.providers.databricks.bench import DatabricksBench
from blocks.providers.databricks.spark.batch import SparkBatch
from blocks.registry import implementation, provider
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)

WORKERS = 2


class _Bench(Levers):
    """Levers of Spark in one emulated workspace."""

    def __init__(self, databricks: Any) -> None:
        self._databricks = databricks
        self.account, self.emulator = databricks.account, databricks.emulator
        self.running, self.uploads = databricks.running, databricks.uploads
        jobs = SparkBatch(account=databricks.levers_account, image=IMAGE, workers=WORKERS)
        levers = BatchLevers(databricks.levers_account, self.emulator, self.uploads, jobs=jobs)
        super().__init__("databricks-spark", {"batch": levers})

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it."""
        if contract.capability not in provider(self.provider).capabilities:
            return self._databricks.connect(contract)  # type: ignore[no-any-return]
        cls: Callable[..., C] = implementation(self.provider, contract)
        return cls(account=self.account.model_copy(), image=IMAGE, workers=WORKERS)

    def model_draft(self, *, kind: str = "threshold") -> Any:
        """Return a draft of a small real model, made afresh."""
        return self._databricks.model_draft(kind=kind)


@contextmanager
def SparkBench(folder: Path) -> Iterator[_Bench]:  # noqa: N802 - reads as the class it stands for
    """Open a world: a workspace, or, while another world is open, another owner in it."""
    with DatabricksBench(folder) as databricks:
        yield _Bench(databricks)
