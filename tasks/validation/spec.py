"""What the data must keep."""

from __future__ import annotations

from pydantic import Field

from blocks.contracts import Frozen
from tasks.processing.spec import ScanSpec


class ValidationSpec(Frozen):
    """What the data must keep."""

    suite: str = Field(description="URI of a Great Expectations suite, e.g. s3://lake/suite.json.")
    examples: int = Field(
        default=5, ge=0, le=100, description="Unexpected values shown for each failed check."
    )
    batch_suite: str | None = Field(
        default=None,
        description=(
            "URI of a suite that `bluewater profile` derived from batches; the newest batch of the "
            "training data must keep it, too."
        ),
    )
    near: ScanSpec | None = Field(
        default=None,
        description=(
            "Machine of the platform that does it, near the data; empty: the one that runs flows."
        ),
    )
