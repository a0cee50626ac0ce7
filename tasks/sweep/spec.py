"""How old something must be before nobody is taken to want it."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from blocks.contracts import Frozen


class SweepSpec(Frozen):
    """Ages from which what nobody asks for counts as left behind."""

    grace: timedelta = Field(
        default=timedelta(hours=1),
        ge=timedelta(0),
        description="Younger things are left alone: somebody may be about to use them.",
    )
    abandoned_after: timedelta = Field(
        default=timedelta(days=7),
        gt=timedelta(0),
        description="A run that did not come to its end counts as given up when it has done "
        "nothing new for this long, beyond the longest time that it gives to one job.",
    )
    checkpoints_kept: timedelta = Field(
        default=timedelta(days=7),
        ge=timedelta(0),
        description="How long checkpoints are kept after the end of their run.",
    )
    captures_kept: timedelta = Field(
        default=timedelta(days=90),
        ge=timedelta(0),
        description="How long captured requests are kept: labels may come late.",
    )
