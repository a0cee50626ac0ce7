"""Which machine of the platform does a part of a release."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from blocks.contracts import Frozen, added_field


class NearSpec(Frozen):
    """A machine of the platform that does it near the data, and not the one that runs flows."""

    machine: str = Field(description="Machine type of the provider, e.g. local.medium.")
    image: str = Field(
        default="",
        description="Container image with bluewater's dependencies; empty: the platform's own.",
    )
    max_duration: timedelta = Field(
        default=timedelta(hours=2), description="Longest time that it may take."
    )
    interruptions_allowed: int = Field(
        default=3, ge=0, description="Machines that may be lost before the run gives up."
    )


class ScanSpec(NearSpec):
    """A machine that reads rows near the data, by itself or by its Spark."""

    spark: bool = Field(
        default=False,
        description=(
            "Have Spark read the rows, a partition at a time; the platform's `processing` must "
            "have one, as that of Databricks does. Then the data may be a Delta table, too."
        ),
    )


class ScoreSpec(NearSpec):
    """A machine that scores rows near the data, by itself or by its Spark."""

    spark: bool = added_field(
        False,
        description=(
            "Have Spark's executors score the rows, each some row groups of the files; the "
            "platform's `processing` must have one, as that of Databricks does."
        ),
    )
