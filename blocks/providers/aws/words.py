"""What can go wrong in SageMaker, in the words of AWS."""

from __future__ import annotations

from blocks.contracts import Denied, QuotaExceeded, Throttled, Unavailable
from blocks.testing.words import EndpointWords, Failing, JobWords, ModelWords, Never, Refused, Words

_TRAIN, _SEE, _STOP = (f"sagemaker:{verb}TrainingJob" for verb in ("Create", "Describe", "Stop"))
_SCORE, _LOOK, _END = (f"sagemaker:{verb}ProcessingJob" for verb in ("Create", "Describe", "Stop"))
_DONE = ("internal-error-after", "lost-reply")
_THROTTLING = Refused(fault="throttling", kind=Throttled, code="ThrottlingException")
_LIMIT = Refused(fault="resource-limit", kind=QuotaExceeded, code="ResourceLimitExceeded")
_DENIED = Refused(fault="access-denied", kind=Denied, code="AccessDeniedException")

_PROCESS = JobWords(
    create=_SCORE,
    search=_LOOK,
    get=_LOOK,
    cancel=_END,
    refused=(_THROTTLING, _LIMIT),
    done=_DONE,
    passing=(("throttling", _LOOK), ("unavailable", _LOOK)),
    no_machine="capacity-error",
    no_machine_says="CapacityError",
)

WORDS = Words(
    training=JobWords(
        create=_TRAIN,
        search=_SEE,
        get=_SEE,
        cancel=_STOP,
        refused=(
            _THROTTLING,
            _LIMIT,
            Refused(fault="unavailable", kind=Unavailable, code="ServiceUnavailable"),
            Refused(fault="expired-token", kind=Denied, code="ExpiredTokenException"),
            _DENIED,
            Refused(fault="lost-request", kind=Unavailable, code=""),
        ),
        done=_DONE,
        passing=(("throttling", _SEE), ("unavailable", _SEE)),
        no_machine="capacity-error",
        no_machine_says="CapacityError",
        spot_waits=True,
        replaces=(True,),
        nevers=(
            Never(change={"source_uri": "s3://not-there/code"}, code="NoSuchBucket"),
            Never(change={"data_uri": "/on/this/machine"}, code="SCHEME"),
            Never(change={"image": ""}, code="IMAGE"),
        ),
    ),
    batch=_PROCESS,
    processing=_PROCESS,
    models=ModelWords(
        create="sagemaker:CreateModelPackage",
        done=_DONE,
        looks=False,
        unseen={"subject": "bench"},
        move="s3:PutObject",
    ),
    endpoints=EndpointWords(
        makes=(
            "sagemaker:CreateModel",
            "sagemaker:CreateEndpointConfig",
            "sagemaker:CreateEndpoint",
        ),
        first="sagemaker:CreateEndpoint",
        refused=(_LIMIT, _DENIED),
        look="sagemaker:DescribeEndpoint",
        move="sagemaker:UpdateEndpointWeightsAndCapacities",
        stuck="stuck-creating",
        failing=(Failing(fault="failed-health-check", says="ping health"),),
        by_hand=False,
        scaling=tuple(
            f"application-autoscaling:{call}"
            for call in ("RegisterScalableTarget", "PutScalingPolicy")
        ),
    ),
)
