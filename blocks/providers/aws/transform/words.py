"""What can go wrong with transform jobs, in the words of AWS."""

from __future__ import annotations

from blocks.contracts import QuotaExceeded, Throttled
from blocks.testing.words import JobWords, Refused, Words

_CREATE, _DESCRIBE, _STOP = (
    f"sagemaker:{verb}TransformJob" for verb in ("Create", "Describe", "Stop")
)

WORDS = Words(
    batch=JobWords(
        create=_CREATE,
        search=_DESCRIBE,
        get=_DESCRIBE,
        cancel=_STOP,
        refused=(
            Refused(fault="throttling", kind=Throttled, code="ThrottlingException"),
            Refused(fault="resource-limit", kind=QuotaExceeded, code="ResourceLimitExceeded"),
        ),
        done=("internal-error-after", "lost-reply"),
        passing=(("throttling", _DESCRIBE), ("unavailable", _DESCRIBE)),
        no_machine="capacity-error",
        no_machine_says="CapacityError",
    )
)
