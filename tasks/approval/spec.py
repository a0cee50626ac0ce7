"""Whether somebody has to say yes, and what silence means."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from pydantic import Field

from blocks.contracts import Frozen


class ApprovalSpec(Frozen):
    """A pause before a version gets traffic, until somebody has looked at the evidence."""

    within: timedelta = Field(
        default=timedelta(hours=24), description="How long to wait for an answer."
    )
    on_silence: Literal["reject", "approve"] = Field(
        default="reject", description="What no answer in that time means."
    )
