"""The least that IAM has to allow for batch transform: to callers, and to the role of the jobs.

What is called is checked against the calls of an emulated account, both ways. What SageMaker does
by itself under the role is from its documentation, and is kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.aws.policy import SERVICE, Place, document, passing, statements

_JOBS = "arn:aws:sagemaker:{region}:{account}:transform-job/bluewater-*"
_MODELS = "arn:aws:sagemaker:{region}:{account}:model/bluewater-*"
_TAGGED = "arn:aws:sagemaker:{region}:{account}:*"
_OBJECTS = "arn:aws:s3:::{bucket}/{prefix}/*"
_BUCKET = "arn:aws:s3:::{bucket}"
_EVERYTHING = "*"  # what has no resource of its own, by the service's own table of actions

CALLER: Mapping[str, str] = {
    "s3:DeleteObject": _OBJECTS,
    "s3:GetObject": _OBJECTS,
    "s3:ListBucket": _BUCKET,
    "s3:PutObject": _OBJECTS,
    "sagemaker:CreateModel": _MODELS,
    "sagemaker:CreateTransformJob": _JOBS,
    "sagemaker:DeleteModel": _MODELS,
    "sagemaker:DescribeModel": _MODELS,
    "sagemaker:DescribeTransformJob": _JOBS,
    "sagemaker:ListModels": _EVERYTHING,
    "sagemaker:ListTags": _TAGGED,
    "sagemaker:ListTransformJobs": _EVERYTHING,
    "sagemaker:StopTransformJob": _JOBS,
}

# What is made is tagged as it is made:
# https://docs.aws.amazon.com/sagemaker/latest/dg/security_iam_id-based-policy-examples.html
TAGGING: Mapping[str, str] = {"sagemaker:AddTags": _TAGGED}

ROLE: Mapping[str, str] = {
    "s3:GetObject": _OBJECTS,
    "s3:ListBucket": _BUCKET,
    "s3:PutObject": _OBJECTS,
}


def caller_policy(place: Place) -> dict[str, Any]:
    """Return what whoever runs flows has to be allowed."""
    allowed = statements({**CALLER, **TAGGING}, place)
    return document([*allowed, passing(place, "sagemaker")])


def role_policy(place: Place) -> dict[str, Any]:
    """Return what the role that transform jobs run as has to be allowed."""
    return document(statements({**ROLE, **SERVICE}, place))
