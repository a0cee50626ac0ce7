"""What a new model must show before it may serve."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import Field, field_validator

from blocks.contracts import Frozen, added_field
from tasks.evaluation.metrics import FIGURES, Metric
from tasks.processing.spec import ScoreSpec


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
        default=Metric.ROC_AUC,
        description=(
            "By what champion and challenger are compared: `roc_auc`, `average_precision`, "
            "`log_loss`, `brier`, `accuracy` of two classes; `log_loss`, `brier`, `accuracy` of "
            "several; `absolute_error`, `squared_error` of a quantity. `roc_auc` stands for the "
            "first of each, and for `accuracy` where a model answers classes alone."
        ),
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
    limits: Mapping[str, float] = added_field(
        {},
        description=(
            "Least, or most, that a model may show on held-out rows, e.g. {mae: 30, r2: 0.1}. Of a "
            "quantity: mae, rmse, r2, d2_absolute_error, median_absolute_error, bias (either way). "
            "Of several classes: accuracy, balanced_accuracy, macro_f1, log_loss, "
            "top_2_accuracy. Not named, it must be better than a constant, or than guessing: "
            "d2_absolute_error (of squared errors r2) above 0, balanced_accuracy above 1 / "
            "classes."
        ),
    )
    margin: float = Field(
        default=0.01,
        ge=0,
        le=0.5,
        description=(
            "Loss of the metric that is accepted, overall; of a quantity a share of the "
            "champion's error."
        ),
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
    near: ScoreSpec | None = Field(
        default=None,
        description=(
            "Machine of the platform that does it, near the data; empty: the one that runs flows."
        ),
    )

    @field_validator("limits")
    @classmethod
    def _known(cls, limits: Mapping[str, float]) -> Mapping[str, float]:
        known = [name for figures in FIGURES.values() for name in figures]
        if unknown := [name for name in limits if name not in known]:
            raise ValueError(f"{unknown[0]!r} is no figure; name {', '.join(known)}")
        return limits
