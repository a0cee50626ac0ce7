"""Versions, tags and lists that SageMaker would not take."""

from __future__ import annotations

import pytest

from blocks.providers.aws.emulator.launch import Account
from tests.unit.aws.emulator.callers import tag
from tests.unit.aws.emulator.refusals.refused import Refused, is_refused

GROUP = "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/group"

REFUSED: dict[str, Refused] = {
    "a version of a group that is not there": (
        "create_model_package",
        {"ModelPackageGroupName": "nobody"},
        "does not exist",
    ),
    "a version with tags": (
        "create_model_package",
        {"ModelPackageGroupName": "group", "Tags": tag("a")},
        "not supported for a versioned model package",
    ),
    "an approval that is not there": (
        "create_model_package",
        {"ModelPackageGroupName": "group", "ModelApprovalStatus": "Perhaps"},
        "enum value set",
    ),
    "an ARN that is none": ("list_tags", {"ResourceArn": "group"}, "at 'resourceArn'"),
    "tags of what is not there": (
        "add_tags",
        {"ResourceArn": GROUP.replace("/group", "/nobody"), "Tags": tag("a")},
        "Could not find resource",
    ),
    "a token of nobody": ("list_models", {"NextToken": "3"}, "Invalid NextToken"),
    "101 results": ("list_endpoints", {"MaxResults": 101}, "less than or equal to 100"),
    "an order that is not there": ("list_models", {"SortBy": "Size"}, "enum value set"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_names_others_that_the_service_would_not_take_is_refused(
    account: Account, case: str
) -> None:
    is_refused(account, *REFUSED[case])
