"""What a new model must show before it may serve."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field

from blocks.contracts import Frozen
from tasks.evaluation.metrics import Metric
from tasks.processing.spec import NearSpec


class LatencySpec(Frozen):
    """How fast the model alone must answer, measured on the machine that evaluates."""

    rows: int = Field(default=1, ge=1, description="Rows in a request.")
    concurrency: int = Field(default=2, ge=1, description="Requests at the same time.")
    requests: int = Field(default=200, ge=20, description="Requests that are measured.")
    p99_limit_ms: float | None = Field(
        default=None, gt=0, description="Longest 99th percentile, in milliseconds; empty for none."
    )


class EvaluationSpec(Frozen):
    """What a new model must show before it may serve.

    Without a champion only the limits count: the first model has nobody to be worse than.
    """

    metric: Metric = Field(
        default=Metric.ROC_AUC, description="By what champion and challenger are compared."
    )
    threshold: float = Field(
        default=0.5, description="Score from which a row counts as 1; matters to accuracy alone."
    )
    cluster: str | None = Field(
        default=None,
        description="Column that names rows which belong together, e.g. a customer or a day.",
    )
    least_auc: float = Field(
        default=0.5, ge=0, le=1, description="Lowest area under the ROC curve that may serve."
    )
    margin: float = Field(
        default=0.01, ge=0, le=0.5, description="Loss of the metric that is accepted, overall."
    )
    slice_margin: float = Field(
        default=0.03, ge=0, le=0.5, description="Loss of the metric that is accepted in a slice."
    )
    alpha: float = Field(
        default=0.05, gt=0, lt=0.5, description="Chance of blocking a model that is not worse."
    )
    power: float = Field(
        default=0.8, gt=0.5, lt=1, description="Power for which the rows still needed are told."
    )
    least_slice_rows: int = Field(
        default=200, ge=20, description="Values with fewer rows are judged together, as the rest."
    )
    on_inconclusive: Literal["go_on", "block"] = Field(
        default="go_on", description="What a slice does that has too few rows to tell."
    )
    calibration_limit: float | None = Field(
        default=None, gt=0, le=1, description="Largest expected calibration error; empty for none."
    )
    cost_limit: Decimal | None = Field(
        default=None, gt=0, description="Most that 1,000 predictions may cost; empty for none."
    )
    latency: LatencySpec = Field(default=LatencySpec(), description="How fast it must answer.")
    near: NearSpec | None = Field(
        default=None,
        description=(
            "Machine of the platform that does it, near the data; empty: the one that runs flows."
        ),
    )
