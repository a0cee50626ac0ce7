"""What the real service would take is taken, and told as it tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import NEVER, until
from tests.unit.aws.emulator.callers import (
    IMAGE,
    KEY,
    client,
    config,
    job,
    model,
    over,
    status,
    tag,
    variant,
)

SOON = timedelta(seconds=5)


def test_a_stream_is_not_emulated_and_says_so(account: Account) -> None:
    scope = f"AWS4-HMAC-SHA256 Credential={KEY}/20260501/us-east-1/sagemaker/aws4_request"
    where = f"{account.url}/endpoints/e/invocations-response-stream"
    told = httpx.post(where, content=b"{}", headers={"Authorization": scope}, timeout=NEVER)
    assert told.status_code == 501
    assert "InvokeEndpointWithResponseStream" in told.text


def test_a_token_is_good_for_the_question_that_it_came_from_alone(account: Account) -> None:
    sagemaker = client(account, "sagemaker")
    for name in ("one", "two", "three"):
        sagemaker.create_model(**model(ModelName=f"page-{name}"))
    first = sagemaker.list_models(NameContains="page-", MaxResults=1)
    names = [each["ModelName"] for each in first["Models"]]
    for size in (1, 2):  # again, and with another size
        token = first["NextToken"]
        more = sagemaker.list_models(NameContains="page-", MaxResults=size, NextToken=token)
        assert [each["ModelName"] for each in more["Models"]] == ["page-two", "page-one"][:size]
    assert names == ["page-three"]
    with pytest.raises(ClientError, match="Invalid NextToken"):
        sagemaker.list_models(NextToken=first["NextToken"])


def test_lists_are_ordered_and_filtered_as_they_are_asked(account: Account) -> None:
    sagemaker = client(account, "sagemaker")
    for name in ("b", "a", "c"):
        sagemaker.create_model(**model(ModelName=f"sorted-{name}"))
        account.advance(10)

    def told(**asked: Any) -> str:
        found = sagemaker.list_models(NameContains="sorted-", **asked)["Models"]
        return "".join(each["ModelName"][-1] for each in found)

    assert told() == "cab"
    assert told(SortOrder="Ascending") == "bac"
    assert told(SortBy="Name") == "cba"
    middle = sagemaker.describe_model(ModelName="sorted-a")["CreationTime"]
    assert told(CreationTimeAfter=middle + SOON) == "c"  # the SDK asks for whole seconds
    assert told(CreationTimeBefore=middle - SOON) == "b"
    assert sagemaker.list_endpoints(StatusEquals="Failed")["Endpoints"] == []


def test_tags_go_with_what_they_were_on(account: Account) -> None:
    sagemaker = client(account, "sagemaker")
    arn = sagemaker.create_model(**model(ModelName="tagged", Tags=tag("a")))["ModelArn"]
    sagemaker.delete_model(ModelName="tagged")
    with pytest.raises(ClientError, match="Could not find resource"):
        sagemaker.list_tags(ResourceArn=arn)
    sagemaker.create_model(**model(ModelName="tagged"))
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []
    sagemaker.add_tags(ResourceArn=arn, Tags=tag(*(f"k{each}" for each in range(50))))
    with pytest.raises(ClientError, match="50 tags at most"):
        sagemaker.add_tags(ResourceArn=arn, Tags=tag("one-more"))


def test_a_model_in_use_can_be_deleted_and_its_endpoint_answers_on(account: Account) -> None:
    sagemaker, runtime = client(account, "sagemaker"), client(account, "sagemaker-runtime")
    sagemaker.create_model(**model(ModelName="short"))
    asked = config(variant(ModelName="short"), EndpointConfigName="short")
    sagemaker.create_endpoint_config(**asked)
    sagemaker.create_endpoint(EndpointName="short", EndpointConfigName="short")
    until(lambda: status(sagemaker, "short") == "InService")
    sagemaker.delete_model(ModelName="short")
    assert runtime.invoke_endpoint(EndpointName="short", Body=b"{}")["Body"].read()
    with pytest.raises(ClientError, match="Could not find model"):
        sagemaker.create_endpoint(EndpointName="again", EndpointConfigName="short")
    sagemaker.delete_endpoint_config(EndpointConfigName="short")
    assert runtime.invoke_endpoint(EndpointName="short", Body=b"{}")["Body"].read()
    assert sagemaker.describe_endpoint(EndpointName="short")["EndpointConfigName"] == "short"
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        sagemaker.update_endpoint(EndpointName="short", EndpointConfigName="kept")
    sagemaker.delete_endpoint(EndpointName="short")


def test_what_changes_is_told_and_cannot_be_changed_or_deleted(account: Account) -> None:
    sagemaker = client(account, "sagemaker")
    account.fault("stuck-creating")
    wanted = variant(VariantName="w", InitialVariantWeight=2.0)
    sagemaker.create_endpoint_config(**config(wanted, EndpointConfigName="next"))
    sagemaker.create_endpoint(EndpointName="slow", EndpointConfigName="next")
    told = sagemaker.describe_endpoint(EndpointName="slow")
    pending = told["PendingDeploymentSummary"]
    [one] = pending["ProductionVariants"]
    assert (told["EndpointStatus"], pending["EndpointConfigName"]) == ("Creating", "next")
    assert (one["VariantName"], one["DesiredWeight"], one["CurrentInstanceCount"]) == ("w", 2.0, 0)
    assert one["InstanceType"] == "ml.m5.large"
    assert one["VariantStatus"][0]["Status"] == "Creating"
    assert one["DeployedImages"][0]["SpecifiedImage"] == IMAGE
    calls: tuple[Callable[[], Any], ...] = (
        lambda: sagemaker.delete_endpoint(EndpointName="slow"),
        lambda: sagemaker.update_endpoint(EndpointName="slow", EndpointConfigName="kept"),
        lambda: sagemaker.update_endpoint_weights_and_capacities(
            EndpointName="slow",
            DesiredWeightsAndCapacities=[{"VariantName": "w", "DesiredWeight": 1.0}],
        ),
    )
    for call in calls:
        with pytest.raises(ClientError, match="in-progress endpoint"):
            call()
    account.advance(3600)
    until(lambda: status(sagemaker, "slow") == "InService")
    assert "PendingDeploymentSummary" not in sagemaker.describe_endpoint(EndpointName="slow")
    sagemaker.delete_endpoint(EndpointName="slow")


def test_a_weight_is_desired_before_it_is_in_force(account: Account) -> None:
    sagemaker = client(account, "sagemaker")
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="e",
        DesiredWeightsAndCapacities=[
            {"VariantName": "v", "DesiredWeight": 5.0, "DesiredInstanceCount": 2}
        ],
    )
    [told] = sagemaker.describe_endpoint(EndpointName="e")["ProductionVariants"]
    assert (told["DesiredWeight"], told["DesiredInstanceCount"]) == (5.0, 2)
    until(lambda: status(sagemaker, "e") == "InService")
    [told] = sagemaker.describe_endpoint(EndpointName="e")["ProductionVariants"]
    assert (told["CurrentWeight"], told["CurrentInstanceCount"]) == (5.0, 2)
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="e",
        DesiredWeightsAndCapacities=[{"VariantName": "v", "DesiredInstanceCount": 1}],
    )
    until(lambda: status(sagemaker, "e") == "InService")


def test_a_description_says_what_was_not_asked_for(account: Account) -> None:
    sagemaker = client(account, "sagemaker")
    sagemaker.create_training_job(**job(TrainingJobName="plain"))
    told = sagemaker.describe_training_job(TrainingJobName="plain")
    assert told["EnableManagedSpotTraining"] is False
    assert told["EnableNetworkIsolation"] is False
    over(account, "plain")
