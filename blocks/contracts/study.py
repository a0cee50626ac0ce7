"""A search for the best hyperparameters: what is tried, and by what the best is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum

from pydantic import Field, field_validator, model_validator

from blocks.contracts.operation import Frozen

NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"


class Goal(StrEnum):
    """Which end of a metric is the good one."""

    MAXIMIZE = "maximize"
    MINIMIZE = "minimize"


class Scale(StrEnum):
    """How a range is looked through."""

    LINEAR = "linear"
    LOG = "log"  # as many trials between 0.001 and 0.01 as between 0.01 and 0.1


class Candidates(Frozen):
    """What a hyperparameter may be: a number of a range, or one of some texts."""

    low: float | None = Field(default=None, description="Least number that is tried.")
    high: float | None = Field(default=None, description="Greatest number that is tried.")
    whole: bool = Field(default=False, description="Whole numbers alone.")
    scale: Scale = Field(default=Scale.LINEAR, description="How the range is looked through.")
    values: tuple[str, ...] = Field(
        default=(), description="Texts to choose from, instead of a range."
    )

    @model_validator(mode="after")
    def _sane(self) -> Candidates:
        if self.values:
            if self.low is not None or self.high is not None:
                raise ValueError("give either low and high, or values")
            if len(set(self.values)) < len(self.values):
                raise ValueError("a value is there twice")
            return self
        if self.low is None or self.high is None:
            raise ValueError("give low and high, or values")
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}")
        if self.scale is Scale.LOG and self.low <= 0:
            raise ValueError(f"a logarithmic scale begins above 0, not at {self.low:g}")
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            raise ValueError("the ends of a range of whole numbers are whole numbers")
        return self


class Study(Frozen):
    """Many trials instead of one training; the model of the best one is the result."""

    metric: str = Field(
        pattern=NAME,
        description="Metric of the training code by which trials are compared, e.g. auc.",
    )
    goal: Goal = Field(default=Goal.MAXIMIZE, description="Which end of it is the good one.")
    parameters: Mapping[str, Candidates] = Field(
        min_length=1, description="Hyperparameters that are searched, by name."
    )
    trials: int = Field(default=10, ge=1, le=1000, description="How many are made.")
    parallel: int = Field(default=1, ge=1, description="How many of them at the same time.")

    @field_validator("parameters")
    @classmethod
    def _named(cls, parameters: Mapping[str, Candidates]) -> Mapping[str, Candidates]:
        for name in parameters:
            if not name or any(letter.isspace() or letter == "=" for letter in name):
                raise ValueError(f"{name!r} is no name of a hyperparameter")
        return parameters

    @model_validator(mode="after")
    def _in_rounds(self) -> Study:
        if self.parallel > self.trials:
            raise ValueError(f"parallel {self.parallel} is more than trials {self.trials}")
        return self

    @property
    def rounds(self) -> int:
        """How many trials one machine makes, one after the other."""
        return math.ceil(self.trials / self.parallel)
