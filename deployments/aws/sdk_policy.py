"""What IAM has to allow besides where AWS's SDK is used: to callers, and to the role of jobs.

What is called is checked against the calls of an emulated account. What Feature Store does by
itself under the role is from its documentation, and is kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.aws.policy import CALLER as PLAIN
from deployments.aws.policy import ROLE, SCALING, SERVICE, Place, document, passing, statements

_SAGEMAKER = "arn:aws:sagemaker:{region}:{account}"
_GROUP = f"{_SAGEMAKER}:feature-group/bluewater-*"

CALLER: Mapping[str, str] = {
    "sagemaker:BatchWriteRecord": _GROUP,
    "sagemaker:CreateFeatureGroup": _GROUP,
    "sagemaker:GetRecord": _GROUP,
}

# The service looks for this beside what BatchWriteRecord is allowed.
WRITES: Mapping[str, str] = {"sagemaker:PutRecord": _GROUP}

# Clarify's job serves the model that it explains for as long as it asks it.
JOB: Mapping[str, str] = {
    "sagemaker:CreateEndpoint": f"{_SAGEMAKER}:endpoint*/bluewater-*",
    "sagemaker:CreateEndpointConfig": f"{_SAGEMAKER}:endpoint-config/bluewater-*",
    "sagemaker:DeleteEndpoint": f"{_SAGEMAKER}:endpoint/bluewater-*",
    "sagemaker:DeleteEndpointConfig": f"{_SAGEMAKER}:endpoint-config/bluewater-*",
    "sagemaker:DescribeEndpoint": f"{_SAGEMAKER}:endpoint/bluewater-*",
    "sagemaker:InvokeEndpoint": f"{_SAGEMAKER}:endpoint/bluewater-*",
}

# https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-adding-policies.html
OFFLINE: Mapping[str, str] = {
    "s3:GetBucketAcl": "arn:aws:s3:::{bucket}",
    "s3:PutObjectAcl": "arn:aws:s3:::{bucket}/{prefix}/*",
}


def caller_policy(place: Place) -> dict[str, Any]:
    """Return what whoever runs flows has to be allowed, with all that the SDK is used for."""
    allowed = statements({**PLAIN, **CALLER, **WRITES, **SCALING}, place)
    return document([*allowed, passing(place, "sagemaker")])


def role_policy(place: Place) -> dict[str, Any]:
    """Return what the role of jobs has to be allowed, with all that the SDK is used for."""
    return document(statements({**ROLE, **JOB, **SERVICE, **OFFLINE}, place))
