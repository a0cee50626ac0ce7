"""The least that IAM has to allow for endpoints on Lambda: to callers, and to the functions.

What is called is checked against the calls of an emulated account, both ways. What Lambda does by
itself under the role is from its documentation, and is kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.aws.policy import Place, document, passing, statements

_FUNCTIONS = "arn:aws:lambda:{region}:{account}:function:bluewater-*"
_SECRETS = "arn:aws:secretsmanager:{region}:{account}:secret:{secrets}"
_LOGS = "arn:aws:logs:{region}:{account}:log-group:/aws/lambda/bluewater-*"
_EVERYTHING = "*"  # what has no resource of its own, by the service's own table of actions

CALLER: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "lambda:CreateAlias",
            "lambda:CreateFunction",
            "lambda:DeleteFunction",
            "lambda:DeleteProvisionedConcurrencyConfig",
            "lambda:GetAlias",
            "lambda:GetFunction",
            "lambda:GetFunctionConfiguration",
            "lambda:GetProvisionedConcurrencyConfig",
            "lambda:InvokeFunction",
            "lambda:ListVersionsByFunction",
            "lambda:PublishVersion",
            "lambda:PutProvisionedConcurrencyConfig",
            "lambda:UpdateAlias",
            "lambda:UpdateFunctionConfiguration",
        ),
        _FUNCTIONS,
    ),
    "lambda:ListFunctions": _EVERYTHING,
    "logs:FilterLogEvents": _LOGS,
    "secretsmanager:GetSecretValue": _SECRETS,
}

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
TAGGING: Mapping[str, str] = {"lambda:TagResource": _FUNCTIONS}

FUNCTION: Mapping[str, str] = {
    "s3:GetObject": "arn:aws:s3:::{bucket}/{prefix}/*",
    "s3:ListBucket": "arn:aws:s3:::{bucket}",
    "secretsmanager:GetSecretValue": _SECRETS,
}

# https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
SERVICE: Mapping[str, str] = {
    "logs:CreateLogGroup": _LOGS,
    "logs:CreateLogStream": _LOGS,
    "logs:PutLogEvents": _LOGS,
}


def caller_policy(place: Place) -> dict[str, Any]:
    """Return what whoever runs flows has to be allowed."""
    return document([*statements({**CALLER, **TAGGING}, place), passing(place, "lambda")])


def role_policy(place: Place) -> dict[str, Any]:
    """Return what the role that functions run as has to be allowed."""
    return document(statements({**FUNCTION, **SERVICE}, place))
