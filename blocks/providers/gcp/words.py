"""What can go wrong in Vertex AI, in the words of Google Cloud."""

from __future__ import annotations

from blocks.contracts import Conflict, Denied, QuotaExceeded, Throttled, Unavailable
from blocks.testing.words import EndpointWords, Failing, JobWords, ModelWords, Never, Refused, Words

_CREATE, _LIST, _GET, _CANCEL = (
    f"aiplatform:{verb}"
    for verb in ("CreateCustomJob", "ListCustomJobs", "GetCustomJob", "CancelCustomJob")
)
_DONE = ("internal-error-after", "deadline-exceeded-after", "lost-reply")
_THROTTLING = Refused(fault="throttling", kind=Throttled, code="RESOURCE_EXHAUSTED")
_QUOTA = Refused(fault="quota", kind=QuotaExceeded, code="RESOURCE_EXHAUSTED")
_DENIED = Refused(fault="access-denied", kind=Denied, code="PERMISSION_DENIED")
_PASSING = (("throttling", _GET), ("unavailable", _GET))

WORDS = Words(
    training=JobWords(
        create=_CREATE,
        search=_LIST,
        get=_GET,
        cancel=_CANCEL,
        refused=(
            _THROTTLING,
            _QUOTA,
            Refused(fault="unavailable", kind=Unavailable, code="UNAVAILABLE"),
            Refused(fault="expired-token", kind=Denied, code="UNAUTHENTICATED"),
            _DENIED,
            Refused(fault="conflict", kind=Conflict, code="ABORTED"),
            Refused(fault="lost-request", kind=Unavailable, code="UNAVAILABLE"),
        ),
        done=_DONE,
        passing=_PASSING,
        no_machine="stock-out",
        no_machine_says="RESOURCE_EXHAUSTED",
        replaces=(True, False),
        nevers=(
            Never(change={"source_uri": "gs://not-there/code"}, code="NOT_FOUND"),
            Never(change={"data_uri": "/on/this/machine"}, code="SCHEME"),
            Never(change={"image": ""}, code="IMAGE"),
            Never(change={"env": {"EMPTY": ""}}, code="ENV"),
            Never(change={"machine": "ml.m5.large"}, code="MACHINE"),
            Never(change={"machine": "n1-standard-4+1xNVIDIA_TESLA_T5"}, code="MACHINE"),
        ),
    ),
    batch=JobWords(
        create=_CREATE,
        search=_LIST,
        get=_GET,
        cancel=_CANCEL,
        refused=(_THROTTLING, _QUOTA),
        done=("internal-error-after", "lost-reply"),
        passing=_PASSING,
        no_machine="stock-out",
        no_machine_says="RESOURCE_EXHAUSTED",
    ),
    models=ModelWords(
        create="aiplatform:UploadModel",
        done=_DONE,
        looks=True,
        unseen={"call": "aiplatform:GetModel"},
        move="storage:objects.insert",
    ),
    endpoints=EndpointWords(
        makes=("aiplatform:CreateEndpoint", "aiplatform:UploadModel", "aiplatform:DeployModel"),
        first="aiplatform:DeployModel",
        refused=(_QUOTA, _DENIED),
        look="aiplatform:GetEndpoint",
        move="aiplatform:UpdateEndpoint",
        stuck="stuck-deploying",
        failing=(
            Failing(fault="failed-health-check", says="never became ready"),
            Failing(fault="stock-out", says="temporarily unavailable"),
        ),
    ),
)
