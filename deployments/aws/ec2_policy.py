"""The least that IAM has to allow for training on EC2: to callers, and to the machines.

What is called is checked against the calls of an emulated account, both ways. What EC2 wants
beside that of whoever starts a machine is from its documentation, and is kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.aws.policy import Place, document, passing, statements

_OBJECTS = "arn:aws:s3:::{bucket}/{prefix}/*"
_BUCKET = "arn:aws:s3:::{bucket}"
_SECRETS = "arn:aws:secretsmanager:{region}:{account}:secret:{secrets}"
_LOGS = "arn:aws:logs:{region}:{account}:log-group:/bluewater/training:*"
_EC2 = "arn:aws:ec2:{region}:*:*"
_EVERYTHING = "*"  # what has no resource of its own, by the service's own table of actions

CALLER: Mapping[str, str] = {
    "ec2:CreateFleet": _EC2,
    "ec2:CreateLaunchTemplate": _EC2,
    "ec2:DeleteLaunchTemplate": _EC2,
    "ec2:DescribeInstances": _EVERYTHING,
    "ec2:DescribeLaunchTemplates": _EVERYTHING,
    "ec2:DescribeSpotPriceHistory": _EVERYTHING,
    "ec2:DescribeSubnets": _EVERYTHING,
    "ec2:GetConsoleOutput": _EC2,
    "ec2:RunInstances": _EC2,
    "ec2:TerminateInstances": _EC2,
    "logs:DescribeLogStreams": _LOGS,
    "logs:FilterLogEvents": _LOGS,
    "pricing:GetProducts": _EVERYTHING,
    "s3:GetObject": _OBJECTS,
    "s3:ListBucket": _BUCKET,
    "s3:PutObject": _OBJECTS,
    "secretsmanager:GetSecretValue": _SECRETS,
}

# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html and
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-systems-manager-parameter-to-find-AMI.html
LAUNCH: Mapping[str, str] = {
    "ec2:CreateTags": _EC2,
    "ssm:GetParameters": "arn:aws:ssm:{region}:*:parameter/aws/service/*",
}

MACHINE: Mapping[str, str] = {
    "logs:CreateLogGroup": _LOGS,
    "logs:CreateLogStream": _LOGS,
    "logs:PutLogEvents": _LOGS,
    "s3:DeleteObject": _OBJECTS,
    "s3:GetObject": _OBJECTS,
    "s3:ListBucket": _BUCKET,
    "s3:PutObject": _OBJECTS,
    "secretsmanager:GetSecretValue": _SECRETS,
}


def caller_policy(place: Place) -> dict[str, Any]:
    """Return what whoever runs flows has to be allowed."""
    return document([*statements({**CALLER, **LAUNCH}, place), passing(place, "ec2")])


def role_policy(place: Place) -> dict[str, Any]:
    """Return what the role of the instance profile has to be allowed."""
    return document(statements(MACHINE, place))
