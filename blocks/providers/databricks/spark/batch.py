"""Batch predictions on Databricks by Spark: the workers of a cluster score, a file to each task."""

from __future__ import annotations

import os
from typing import ClassVar

from pydantic import Field

from blocks.contracts import BatchRequest, Unsupported
from blocks.providers.databricks.batch import DatabricksBatch
from blocks.providers.databricks.placement import SERVERLESS, Placement

WORKERS = "BLUEWATER_DATABRICKS_SPARK_WORKERS"
_PACKAGE = "blocks.providers.databricks.spark.score"


class SparkBatch(DatabricksBatch):
    """Scores data sets with one-time runs whose files go over all cores of a cluster.

    Every task scores a file and writes it as the request wants it: the same files, columns and
    types as without Spark. A task whose worker is lost is done again; with the driver the run is
    over, and its next attempt leaves alone what is finished.
    """

    _block_type_name = "Databricks Spark batch"
    _block_type_slug = "databricks-spark-batch"

    provider: ClassVar[str] = "databricks-spark"
    package: ClassVar[str] = _PACKAGE

    workers: int = Field(
        default_factory=lambda: int(os.environ.get(WORKERS) or 0),
        ge=0,
        description="Machines beside the driver, of the request's type; 0: its own cores work.",
    )

    def _placement(self, request: BatchRequest) -> Placement:
        return super()._placement(request).over(self.workers)

    def _look_at(self, request: BatchRequest) -> None:
        if request.machine == SERVERLESS:
            raise Unsupported(
                "serverless compute mounts no volume for Spark's tasks; name a node type, or score "
                "with databricks-batch",
                code="SERVERLESS",
            )
        super()._look_at(request)
