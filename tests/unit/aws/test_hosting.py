"""The emulator's endpoints and models, asked by boto3 itself as anybody would."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from blocks.cloud.serving import Settings
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import NEVER, until

IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/server:1"
ROW = b'{"dataframe_records": [{"x": 0.7, "n": 1}]}'


@pytest.fixture
def sagemaker(account: AwsAccount) -> Any:
    return account.client("sagemaker")


def refused(call: Any, **asked: Any) -> tuple[str, str]:
    """Return code and words of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**asked)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def a_model(bench: Any, account: AwsAccount, name: str = "plain") -> dict[str, Any]:
    uri = bench.variant_request().model.uri
    source = {"S3Uri": f"{uri}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
    return {
        "ModelName": name,
        "PrimaryContainer": container,
        "ExecutionRoleArn": account.execution_role,
    }


def a_config(name: str, *variants: str, shadows: tuple[str, ...] = ()) -> dict[str, Any]:
    def one(variant: str) -> dict[str, Any]:
        return {
            "VariantName": variant,
            "ModelName": "plain",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }

    call: dict[str, Any] = {
        "EndpointConfigName": name,
        "ProductionVariants": [one(each) for each in variants],
    }
    if shadows:
        call["ShadowProductionVariants"] = [one(each) for each in shadows]
    return call


def test_a_model_that_the_service_refuses_is_refused(
    bench: Any, sagemaker: Any, account: AwsAccount
) -> None:
    good = a_model(bench, account)
    empty = {"S3Uri": f"{account.root}/x/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    bare = {**empty, "S3Uri": f"{account.root}/x"}
    for source, words in ((empty, "Could not find model data"), (bare, "forward slash")):
        container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": source}}
        code, said = refused(sagemaker.create_model, **{**good, "PrimaryContainer": container})
        assert code == "ValidationException"
        assert words in said
    assert (
        "regular expression" in refused(sagemaker.create_model, **a_model(bench, account, "-"))[1]
    )
    sagemaker.create_model(**good)
    assert "already existing model" in refused(sagemaker.create_model, **good)[1]
    assert "Could not find model" in refused(sagemaker.describe_model, ModelName="other")[1]
    assert "Could not find model" in refused(sagemaker.delete_model, ModelName="other")[1]


def test_a_configuration_that_the_service_refuses_is_refused(
    bench: Any, sagemaker: Any, account: AwsAccount
) -> None:
    create = sagemaker.create_endpoint_config
    assert "Could not find model" in refused(create, **a_config("c", "blue"))[1]
    sagemaker.create_model(**a_model(bench, account))
    assert "unique" in refused(create, **a_config("c", "blue", "blue"))[1]
    assert "shadow" in refused(create, **a_config("c", "a", "b", shadows=("c",)))[1]
    wrong = a_config("c", "blue")
    wrong["ProductionVariants"][0]["InstanceType"] = "ml.nope"
    assert "enum value set" in refused(create, **wrong)[1]
    create(**a_config("c", "blue"))
    assert "already existing" in refused(create, **a_config("c", "blue"))[1]


def test_an_endpoint_takes_one_change_at_a_time_and_signed_requests_only(
    bench: Any, sagemaker: Any, account: AwsAccount, emulator: Account
) -> None:
    runtime = account.client("sagemaker-runtime")
    assert refused(sagemaker.create_endpoint, EndpointName="e", EndpointConfigName="c") == (
        "ValidationException",
        'Could not find endpoint configuration "arn:aws:sagemaker:'
        f'{account.region}:123456789012:endpoint-config/c".',
    )
    assert refused(runtime.invoke_endpoint, EndpointName="e", Body=ROW)[0] == "ValidationError"
    emulator.fault("stuck-creating")
    model = a_model(bench, account)
    model["PrimaryContainer"]["Environment"] = served(bench)
    sagemaker.create_model(**model)
    sagemaker.create_endpoint_config(**a_config("c", "blue"))
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    told = {"EndpointName": "e", "EndpointConfigName": "c"}
    assert "already existing endpoint" in refused(sagemaker.create_endpoint, **told)[1]
    assert "in-progress" in refused(sagemaker.update_endpoint, **told)[1]
    emulator.advance(3600)
    until(lambda: status(sagemaker) == "InService")
    weight = [{"VariantName": "green", "DesiredWeight": 1.0}]
    weigh = sagemaker.update_endpoint_weights_and_capacities
    said = refused(weigh, EndpointName="e", DesiredWeightsAndCapacities=weight)[1]
    assert "not present" in said
    answer = runtime.invoke_endpoint(EndpointName="e", Body=ROW, ContentType="application/json")
    assert answer["InvokedProductionVariant"] == "blue"
    there = {"EndpointName": "e", "Body": ROW, "TargetVariant": "green"}
    assert refused(runtime.invoke_endpoint, **there)[0] == "ValidationError"
    unsigned = httpx.post(f"{emulator.url}/endpoints/e/invocations", content=ROW, timeout=NEVER)
    assert unsigned.status_code == 403
    sagemaker.delete_endpoint(EndpointName="e")
    until(lambda: status(sagemaker) == "")
    assert emulator.running() == []


def test_versions_are_counted_and_a_client_token_is_one_request(
    bench: Any, sagemaker: Any, account: AwsAccount
) -> None:
    group = {"ModelPackageGroupName": "group"}
    assert "does not exist" in refused(sagemaker.create_model_package, **group)[1]
    sagemaker.create_model_package_group(**group)
    assert "already exists" in refused(sagemaker.create_model_package_group, **group)[1]
    token = {**group, "ClientToken": "one"}
    first = sagemaker.create_model_package(**token)["ModelPackageArn"]
    assert sagemaker.create_model_package(**token)["ModelPackageArn"] == first
    other = {**token, "ModelPackageDescription": "other"}
    assert "client token" in refused(sagemaker.create_model_package, **other)[1]
    assert "not empty" in refused(sagemaker.delete_model_package_group, **group)[1]
    sagemaker.delete_model_package(ModelPackageName=first)
    second = sagemaker.create_model_package(**group)["ModelPackageArn"]
    assert second.endswith("group/2")
    assert "does not exist" in refused(sagemaker.describe_model_package, ModelPackageName=first)[1]


def served(bench: Any) -> dict[str, str]:
    """Return the environment by which our server knows what it serves."""
    request = bench.variant_request()
    settings = Settings(
        endpoint="e",
        variant="blue",
        model=request.model,
        serving=request.serving,
        capture=request.capture,
        copies=False,
        internal="word",
    )
    return settings.to_environment()


def status(sagemaker: Any) -> str:
    try:
        return str(sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"])
    except ClientError:
        return ""
