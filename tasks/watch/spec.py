"""How an endpoint is watched, and when a retrain is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field, field_validator, model_validator

from blocks.contracts import Check, Frozen, added_field
from tasks.drift.view import Change
from tasks.processing.spec import ScanSpec


class LabelSpec(Frozen):
    """Where the truth about earlier predictions is found, once it is known."""

    uri: str = Field(
        description="URI of a Parquet file or folder with a key and a label, e.g. s3://lake/labels/."
    )
    key: str = Field(
        default="request_id",
        description="Column that captured rows and labels share: request_id, or an input.",
    )
    label: str = Field(description="Column with the truth, as in the training data, e.g. late.")
    maturity: timedelta = Field(
        default=timedelta(days=1),
        description="Time after which every label of a window is there; younger ones do not count.",
    )
    least_share: float = Field(
        default=0.9, gt=0, le=1, description="Share of rows that must have a label to be judged."
    )

    @field_validator("maturity")
    @classmethod
    def _not_before(cls, value: timedelta) -> timedelta:
        if value < timedelta(0):
            raise ValueError(f"maturity is {value}; labels cannot be there before the prediction")
        return value


class MonitorSpec(Frozen):
    """What the platform's own model monitor does beside our look; it asks for no retrain."""

    every: timedelta = Field(default=timedelta(days=1), description="Time between two looks.")
    checks: tuple[Check, ...] = Field(
        default=(Check.DRIFT, Check.QUALITY), min_length=1, description="What it compares."
    )
    machine: str = Field(default="", description="Machine it runs on; empty = the platform's own.")


class WatchSpec(Frozen):
    """How an endpoint is watched, and when a retrain is asked for."""

    window: timedelta = Field(
        default=timedelta(days=1), description="Length of a window; whole windows are judged."
    )
    settle: timedelta = Field(
        default=timedelta(minutes=2), description="Time until the last captured rows are written."
    )
    least_rows: int = Field(
        default=500, ge=50, description="Windows with fewer rows are not judged."
    )
    false_alarms: float = Field(
        default=0.05, gt=0, lt=0.5, description="Chance of any alarm in a window without drift."
    )
    floors: Mapping[Change, float] = Field(
        default={}, description="Smallest effect that matters by kind of change, where changed."
    )
    categorical: tuple[str, ...] = Field(
        default=(), description="Columns of numbers that are names, e.g. a code."
    )
    ignore: tuple[str, ...] = Field(default=(), description="Columns that are not watched.")
    persistence: int = Field(
        default=2, ge=1, description="Windows in which a cause must be seen, of the last `of`."
    )
    of: int = Field(default=3, ge=1, description="Windows that are looked back on.")
    least_loss: float = Field(
        default=0.03,
        ge=0,
        le=0.5,
        description="Loss of area under the curve that matters, of two classes.",
    )
    loss_margin: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Rise of the mean loss, or error, that is accepted, as a share.",
    )
    cooldown: timedelta = Field(
        default=timedelta(days=7), description="Time between two requests to retrain."
    )
    retrains_per_month: int = Field(
        default=4, ge=0, description="Requests to retrain in any 30 days; 0 never asks."
    )
    in_flight: timedelta = Field(
        default=timedelta(days=2), description="Time after which an unanswered request is lost."
    )
    gather: timedelta = Field(
        default=timedelta(minutes=2),
        description="Time to wait for more, when new training data have begun to come.",
    )
    labels: LabelSpec | None = Field(
        default=None, description="Where the truth is found later; empty if it never is."
    )
    near: ScanSpec | None = Field(
        default=None,
        description=(
            "Machine of the platform that counts what was captured, near it; empty: the one that "
            "runs flows."
        ),
    )
    profile_near: ScanSpec | None = added_field(
        None,
        description=(
            "Machine of the platform that profiles what a model was trained on, near it; empty: "
            "the one that runs flows."
        ),
    )
    monitor: MonitorSpec | None = Field(
        default=None,
        description="Have the platform's own model monitor look, too, e.g. SageMaker's.",
    )

    @model_validator(mode="after")
    def _possible(self) -> WatchSpec:
        if self.persistence > self.of:
            raise ValueError(
                f"persistence is {self.persistence} of {self.of} windows, which cannot happen; "
                "raise `of`, or lower `persistence`"
            )
        if self.window < timedelta(minutes=1):
            raise ValueError(f"window is {self.window}; give at least one minute")
        if negative := {kind: floor for kind, floor in self.floors.items() if floor < 0}:
            raise ValueError(f"floors is {negative}; a smallest effect is 0 or more")
        return self
