"""Which data a release works on."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from blocks.contracts import Frozen, added_field


class ProblemType(StrEnum):
    """What is predicted. The names are those of SageMaker's and NannyML's settings of that name."""

    BINARY = "binary"  # one of two classes: 0 or 1
    MULTICLASS = "multiclass"  # one of several classes
    REGRESSION = "regression"  # a quantity


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
    label: str = Field(
        description="Column with the truth: 0 or 1, a class, or a quantity, e.g. late."
    )
    problem_type: ProblemType | None = added_field(
        None,
        description=(
            "What the label is: `binary` (0 or 1), `multiclass` (a class of several) or "
            "`regression` (a quantity). Empty: as the label shows, 0 and 1 are binary, texts are "
            "multiclass, fractions are regression; other whole numbers have to be told."
        ),
    )
    slices: tuple[str, ...] = Field(
        default=(), description="Columns whose values are judged one by one."
    )
    batch: str | None = Field(
        default=None, description="Column that names the batch a row came in, e.g. a week."
    )
