"""Models in SageMaker, when the cloud or a process fails in the middle."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from blocks.contracts import InvalidRequest, ModelRegistry, ObjectStore, RunKey, Unavailable
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.crowd import stranger

KEY = RunKey(run="run-1", step="register")
CREATE = "sagemaker:CreateModelPackage"


@pytest.fixture
def models(bench: Any) -> ModelRegistry:
    found: ModelRegistry = bench.connect(ModelRegistry)
    return found


@pytest.mark.parametrize("fault", ["lost-reply", "internal-error-after"])
def test_a_version_whose_reply_was_lost_is_found_by_asking_again(
    bench: Any, models: ModelRegistry, emulator: Account, fault: str
) -> None:
    draft = bench.model_draft()
    emulator.fault(fault, call=CREATE)
    with pytest.raises(Unavailable):
        models.register(draft, key=KEY)
    assert models.register(draft, key=KEY).version == "1"
    assert bench.created("models") == 1
    assert len(emulator.calls(CREATE)) == 1


def test_a_group_that_is_not_seen_yet_does_not_stop_a_registration(
    bench: Any, models: ModelRegistry, emulator: Account
) -> None:
    models.register(bench.model_draft(), key=KEY)
    emulator.fault("stale-read", subject="bench", times=2)
    assert models.register(bench.model_draft(kind="constant"), key=KEY).version == "2"


def test_a_promotion_whose_reply_was_lost_has_happened_once(
    bench: Any, models: ModelRegistry, emulator: Account
) -> None:
    version = models.register(bench.model_draft(), key=KEY)
    emulator.fault("lost-reply", call="s3:PutObject")
    with pytest.raises(Unavailable):
        models.promote(version, "champion", replacing=None, by="run-1")
    models.promote(version, "champion", replacing=None, by="run-1")
    assert len(models.history("bench", "champion")) == 1
    assert models.resolve("bench", "champion") == version


def test_people_see_an_alias_as_a_tag_and_an_approval(
    bench: Any, models: ModelRegistry, account: AwsAccount
) -> None:
    version = models.register(bench.model_draft(), key=KEY)
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


def test_whoever_dies_while_it_registers_leaves_at_most_one_version(
    bench: Any, models: ModelRegistry
) -> None:
    draft, moments = bench.model_draft(), random.Random(11)
    for _ in range(6):
        dying = stranger(models, "register", draft, key=KEY)
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.3))
        dying.kill()
    assert models.register(draft, key=KEY).version == "1"
    assert bench.created("models") == 1


def test_a_version_does_not_change_with_the_folder_that_it_came_from(
    bench: Any, models: ModelRegistry, emulator: Account
) -> None:

    draft, store = bench.model_draft(), bench.connect(ObjectStore)
    kept = models.register(draft, key=KEY)
    store.write(f"{draft.uri}/MLmodel", b"something else")
    with pytest.raises(InvalidRequest, match=draft.digest):
        models.register(draft, key=KEY.next())
    assert store.read(f"{kept.uri}/MLmodel") != b"something else"


def test_a_name_that_no_group_can_have_is_refused(bench: Any, models: ModelRegistry) -> None:
    draft = bench.model_draft().model_copy(update={"name": "late flights"})
    with pytest.raises(InvalidRequest, match="late flights"):
        models.register(draft, key=KEY)
    assert bench.created("models") == 0


def approval(sagemaker: Any, arn: str) -> str:
    return str(sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"])
