"""Which data a release works on."""

from __future__ import annotations

from pydantic import Field

from blocks.contracts import Frozen


class DataSpec(Frozen):
    """Parquet data sets, and what their columns mean."""

    train: str = Field(
        description="URI of the Parquet file or folder to train on, e.g. s3://lake/train/."
    )
    holdout: str = Field(
        description="URI of rows kept from training, to compare models on, e.g. s3://lake/holdout/."
    )
    recent: str | None = Field(
        default=None, description="URI of newer labelled rows; a new champion must win on them too."
    )
    label: str = Field(description="Column with the truth, 0 or 1, e.g. late.")
    slices: tuple[str, ...] = Field(
        default=(), description="Columns whose values are judged one by one."
    )
    batch: str | None = Field(
        default=None, description="Column that names the batch a row came in, e.g. a week."
    )
