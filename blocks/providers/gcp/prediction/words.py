"""What can go wrong with batch prediction jobs, in the words of Google Cloud."""

from __future__ import annotations

from blocks.contracts import QuotaExceeded, Throttled
from blocks.testing.words import JobWords, Refused, Words

_GET = "aiplatform:GetBatchPredictionJob"

WORDS = Words(
    batch=JobWords(
        create="aiplatform:CreateBatchPredictionJob",
        search="aiplatform:ListBatchPredictionJobs",
        get=_GET,
        cancel="aiplatform:CancelBatchPredictionJob",
        refused=(
            Refused(fault="throttling", kind=Throttled, code="RESOURCE_EXHAUSTED"),
            Refused(fault="quota", kind=QuotaExceeded, code="RESOURCE_EXHAUSTED"),
        ),
        done=("internal-error-after", "lost-reply"),
        passing=(("throttling", _GET), ("unavailable", _GET)),
        no_machine="stock-out",
        no_machine_says="RESOURCE_EXHAUSTED",
    ),
)
