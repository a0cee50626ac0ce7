"""Inference components of SageMaker: several models on one machine, each asked by its name."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from pydantic import ValidationError

from blocks.contracts import (
    Conflict,
    Failure,
    Inventory,
    NotFound,
    OperationRef,
    RunKey,
    Serving,
    Unsupported,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.component_calls import Pool, Share
from blocks.providers.aws.components import SageMakerComponents
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.emulator.managed_scaling import check_managed
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.endpoint_levers import IMAGE, MACHINE
from blocks.testing.waiting import until

KEY = RunKey(run="run-1", step="place")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}
POOL = Pool(endpoint="bench", machine=MACHINE)  # two processors, eight gigabytes
HALF = Share(cpus=1, memory_mb=1024)


@pytest.fixture
def block(account: AwsAccount) -> SageMakerComponents:
    return SageMakerComponents(account=account, image=IMAGE)


def settled(block: SageMakerComponents, ref: OperationRef) -> Failure | None:
    until(lambda: block.status(ref).phase.done)
    return block.status(ref).failure


def opened(block: SageMakerComponents) -> None:
    assert settled(block, block.open(POOL, key=KEY)) is None


def test_two_models_share_a_machine_and_each_is_asked_by_its_name(
    bench: Any, block: SageMakerComponents, emulator: Account
) -> None:
    opened(block)
    for name, kind in (("usual", "threshold"), ("other", "constant")):
        request = bench.variant_request(kind=kind, variant=name)
        ref = block.place(request, HALF, key=KEY)
        assert block.place(request, HALF, key=KEY) == ref
        assert settled(block, ref) is None
    usual, other = (block.predict("bench", each, ROW) for each in ("usual", "other"))
    assert (usual.body["predictions"], usual.variant) == ([1.0], "usual")
    assert (other.body["predictions"], other.variant) == ([0.25], "other")
    assert len(emulator.calls("sagemaker:CreateInferenceComponent")) == 2
    kinds = [each.kind for each in bench.connect(Inventory).owned() if each.running]
    assert sorted(kinds) == ["endpoint", "inference-component", "inference-component"]
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert list(inventory.owned()) == []
    assert bench.running() == []


def test_copies_are_more_or_fewer_as_long_as_the_machine_has_room(
    bench: Any, block: SageMakerComponents
) -> None:
    opened(block)
    request = bench.variant_request(variant="usual")
    ref = block.place(request, HALF, key=KEY)
    assert settled(block, ref) is None
    block.resize("bench", "usual", 2)
    assert settled(block, ref) is None
    assert len(bench.running()) == 2
    crowd = block.place(bench.variant_request(variant="crowd"), HALF, key=KEY)
    failure = settled(block, crowd)
    assert failure is not None
    assert failure.code == "NOT_PLACED"
    assert "no room" in failure.message
    block.resize("bench", "usual", 1)
    assert settled(block, ref) is None
    until(lambda: len(bench.running()) == 1)
    block.resize("bench", "usual", 3)
    told = settled(block, ref)
    assert told is not None
    assert "no room" in told.message
    assert block.predict("bench", "usual", ROW).status == 200  # what was there goes on
    block.remove("bench", "usual")
    until(lambda: bench.running() == [])
    block.remove("bench", "usual")


def test_a_name_that_serves_something_else_and_machines_that_are_not_there_are_conflicts(
    bench: Any, block: SageMakerComponents
) -> None:
    request = bench.variant_request(variant="usual")
    with pytest.raises(Conflict, match="not there yet"):
        block.place(request, HALF, key=KEY)
    opened(block)
    with pytest.raises(Conflict, match="is another one"):
        block.open(POOL.model_copy(update={"count": 2}), key=KEY)
    with pytest.raises(Conflict, match=r"has ml\.m5\.large"):
        block.place(request.model_copy(update={"machine": "ml.m5.xlarge"}), HALF, key=KEY)
    assert settled(block, block.place(request, HALF, key=KEY)) is None
    with pytest.raises(Conflict, match="serves something else"):
        block.place(bench.variant_request(kind="constant", variant="usual"), HALF, key=KEY)
    with pytest.raises(NotFound):
        block.predict("bench", "nobody", ROW)
    with pytest.raises(NotFound):
        block.resize("bench", "nobody", 1)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"machine": "serverless-2048"}, "SERVERLESS"),
        ({"max_replicas": 2}, "AUTOSCALING"),
        ({"serving": Serving(token_secret="word")}, "TOKEN"),
    ],
)
def test_what_a_component_cannot_be_is_refused_before_any_call(
    bench: Any, block: SageMakerComponents, emulator: Account, change: dict[str, Any], code: str
) -> None:
    request = bench.variant_request().model_copy(update=change)
    with pytest.raises(Unsupported) as caught:
        block.place(request, HALF, key=KEY)
    assert caught.value.code == code
    assert emulator.calls("sagemaker:*") == []


def test_a_reply_that_is_lost_places_a_component_once(
    bench: Any, block: SageMakerComponents, emulator: Account
) -> None:
    opened(block)
    emulator.fault("lost-reply", call="sagemaker:CreateInferenceComponent")
    request = bench.variant_request(variant="usual")
    with pytest.raises(Exception, match="Connection"):
        block.place(request, HALF, key=KEY)
    assert settled(block, block.place(request, HALF, key=KEY)) is None
    assert len(bench.running()) == 1


def test_sagemaker_itself_refuses_what_it_would_not_have(
    bench: Any, block: SageMakerComponents, account: AwsAccount
) -> None:
    opened(block)
    sagemaker, name = account.client("sagemaker"), account.named("bench")
    assert (
        settled(block, block.place(bench.variant_request(variant="usual"), HALF, key=KEY)) is None
    )
    with pytest.raises(ClientError, match="Component Name header is required"):
        account.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=b"{}")
    with pytest.raises(ClientError, match="with inference components"):
        sagemaker.delete_endpoint(EndpointName=name)
    machines = {"VariantName": "a", "InstanceType": MACHINE, "InitialInstanceCount": 1}
    with pytest.raises(ClientError, match="need ExecutionRoleArn"):
        sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[machines])


def machines(account: AwsAccount) -> int:
    """Return how many machines the endpoint has."""
    told = account.client("sagemaker").describe_endpoint(EndpointName=account.named("bench"))
    return int(told["ProductionVariants"][0]["CurrentInstanceCount"])


def test_copies_that_find_no_room_bring_machines_and_let_them_go(
    bench: Any, block: SageMakerComponents, account: AwsAccount
) -> None:
    pool = POOL.model_copy(update={"max_count": 2})
    assert settled(block, block.open(pool, key=KEY)) is None
    whole = Share(cpus=2, memory_mb=1024)
    for name in ("one", "two"):
        placed = block.place(bench.variant_request(variant=name), whole, key=KEY)
        assert settled(block, placed) is None
    assert machines(account) == 2
    crowd = settled(block, block.place(bench.variant_request(variant="crowd"), whole, key=KEY))
    assert crowd is not None
    assert "no room" in crowd.message
    block.remove("bench", "one")
    until(lambda: machines(account) == 1)
    assert block.predict("bench", "two", ROW).status == 200


def test_machines_that_sagemaker_scales_are_scaled_by_nobody_else(
    bench: Any, block: SageMakerComponents, account: AwsAccount
) -> None:
    with pytest.raises(ValidationError, match="raise it"):
        Pool(endpoint="bench", machine=MACHINE, count=2, max_count=1)
    assert settled(block, block.open(POOL.model_copy(update={"max_count": 2}), key=KEY)) is None
    sagemaker, name = account.client("sagemaker"), account.named("bench")
    with pytest.raises(ClientError, match="up to ManagedInstanceScaling"):
        sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name,
            DesiredWeightsAndCapacities=[{"VariantName": "machines", "DesiredInstanceCount": 2}],
        )
    with pytest.raises(ClientError, match="have ManagedInstanceScaling enabled"):
        account.client("application-autoscaling").register_scalable_target(
            ServiceNamespace="sagemaker",
            ResourceId=f"endpoint/{name}/variant/machines",
            ScalableDimension="sagemaker:variant:DesiredInstanceCount",
            MinCapacity=1,
            MaxCapacity=2,
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ModelName": "m"}, "without ModelName"),
        ({"InitialInstanceCount": 3}, "between MinInstanceCount and MaxInstanceCount"),
    ],
)
def test_the_service_scales_machines_without_models_between_bounds(
    change: dict[str, Any], words: str
) -> None:
    bounds = {"Status": "ENABLED", "MinInstanceCount": 1, "MaxInstanceCount": 2}
    variant = {"InitialInstanceCount": 1, "ManagedInstanceScaling": bounds}
    check_managed(variant)
    with pytest.raises(AwsError, match=words):
        check_managed({**variant, **change})
