"""How people see in SageMaker what an alias points to."""

from __future__ import annotations

from typing import Any

from blocks.contracts import ModelRegistry, RunKey
from blocks.providers.aws.account import AwsAccount


def test_people_see_an_alias_as_a_tag_and_an_approval(bench: Any, account: AwsAccount) -> None:
    models = bench.connect(ModelRegistry)
    version = models.register(bench.model_draft(), key=RunKey(run="run-1", step="register"))
    sagemaker = account.client("sagemaker")
    group = sagemaker.describe_model_package_group(ModelPackageGroupName="bench")
    arn = group["ModelPackageGroupArn"]
    package = arn.replace("model-package-group/", "model-package/") + "/1"
    assert approval(sagemaker, package) == "PendingManualApproval"
    models.promote(version, "champion", replacing=None)
    assert approval(sagemaker, package) == "Approved"
    tags = sagemaker.list_tags(ResourceArn=arn)["Tags"]
    assert {"Key": "bluewater:alias:champion", "Value": "1"} in tags
    assert {"Key": "bluewater:owner", "Value": account.owner} in tags


def approval(sagemaker: Any, arn: str) -> str:
    return str(sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"])
