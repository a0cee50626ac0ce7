"""What Application Auto Scaling and SageMaker refuse, of variants that are scaled."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from blocks.contracts import Endpoints
from blocks.providers.aws.account import AwsAccount
from blocks.testing.deploying import KEY, bounded, up


@pytest.fixture
def endpoints(bench: Any) -> Endpoints:
    found: Endpoints = bench.connect(Endpoints)
    return found


def test_the_service_refuses_what_cannot_be_scaled(account: AwsAccount) -> None:
    scaling = account.client("application-autoscaling")
    place = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/none/variant/blue",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    with pytest.raises(ClientError, match="No endpoint/variant found"):
        scaling.register_scalable_target(**place, MinCapacity=1, MaxCapacity=2)
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.deregister_scalable_target(**place)


def test_the_service_keeps_a_variant_that_is_scaled(
    bench: Any, endpoints: Endpoints, account: AwsAccount
) -> None:
    """Our own steps never meet this refusal; somebody else's would."""
    bench.settle(endpoints.deploy(bounded(bench), key=KEY))
    up(bench, endpoints, "green")
    sagemaker, name = account.client("sagemaker"), account.named("bench")
    config = sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"]
    told = sagemaker.describe_endpoint_config(EndpointConfigName=config)
    alone = [each for each in told["ProductionVariants"] if each["VariantName"] == "green"]
    sagemaker.create_endpoint_config(EndpointConfigName="alone", ProductionVariants=alone)
    with pytest.raises(ClientError, match="has automatic scaling applied"):
        sagemaker.update_endpoint(EndpointName=name, EndpointConfigName="alone")
