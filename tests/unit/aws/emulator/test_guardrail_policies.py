"""How an update of an endpoint moves traffic, and which updates the service would not take."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from blocks.providers.aws.emulator.guardrails import policy_of
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.guardrail import Guardrail

CANARY = Guardrail(percent=50, bake=timedelta(minutes=5), alarms=("errors",))
OLD, NEW = {"blue": "ml.m5.large"}, {"blue": "ml.m5.xlarge"}


def asking(**changes: Any) -> dict[str, Any]:
    routing = {"Type": "CANARY", "WaitIntervalInSeconds": 60}
    size = {"Type": "CAPACITY_PERCENT", "Value": 10}
    policy = {"TrafficRoutingConfiguration": {**routing, "CanarySize": size, **changes}}
    return {"BlueGreenUpdatePolicy": policy}


def rolling(**changes: Any) -> dict[str, Any]:
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    policy = {"MaximumBatchSize": size, "WaitIntervalInSeconds": 60, **changes}
    return {"RollingUpdatePolicy": policy}


def test_what_the_service_falls_back_from_is_not_watched() -> None:
    """The service says nothing when it does so: here is why the block refuses it."""
    assert policy_of(asking(), OLD, NEW) is not None
    assert policy_of(asking(), OLD, {"blue": "ml.inf1.xlarge"}) is None
    assert policy_of({}, OLD, NEW) is None


@pytest.mark.parametrize(
    "variants", [{"blue": "ml.m5.large", "green": "ml.m5.large"}, {"blue": "serverless"}]
)
def test_of_several_variants_or_without_machines_no_batch_is_replaced_after_the_other(
    variants: dict[str, str],
) -> None:
    """They are excluded from rolling updates alone: all of them come at once, and unwatched."""
    assert policy_of(rolling(), variants, variants, machines=2) is None
    assert policy_of(asking(), variants, variants) is not None


@pytest.mark.parametrize(
    ("asked", "after", "words"),
    [
        (asking(), {"green": "ml.m5.large"}, "variant names must stay the same"),
        (asking(Type="LINEAR"), NEW, "LinearStepSize must be specified"),
        (asking(CanarySize={"Type": "CAPACITY_PERCENT", "Value": 51}), NEW, "between 1 and 50"),
        (asking(WaitIntervalInSeconds=20_000), NEW, "shorter than all the waits"),
        ({**asking(), **rolling()}, NEW, "cannot both be specified"),
        (rolling(), NEW, "which is 1"),
    ],
)
def test_the_service_refuses_a_deployment_that_cannot_be(
    asked: dict[str, Any], after: dict[str, str], words: str
) -> None:
    with pytest.raises(AwsError, match=words):
        policy_of(asked, OLD, after)


@pytest.mark.parametrize(
    ("guardrail", "shares"),
    [
        (CANARY, (0.5, 1.0)),
        (Guardrail(kind="LINEAR", percent=25, alarms=("a",)), (0.25, 0.5, 0.75, 1.0)),
        (Guardrail(kind="LINEAR", percent=30, alarms=("a",)), (0.3, 0.6, 0.9, 1.0)),
    ],
)
def test_traffic_moves_as_it_is_told(guardrail: Guardrail, shares: tuple[float, ...]) -> None:
    policy = policy_of(guardrail.to_deployment_config(), OLD, NEW)
    assert policy is not None
    assert policy.shares == shares
    assert policy.alarms == guardrail.alarms


@pytest.mark.parametrize(
    ("size", "machines", "shares"),
    [
        ({"Type": "CAPACITY_PERCENT", "Value": 50}, 3, (1 / 3, 2 / 3, 1.0)),
        ({"Type": "CAPACITY_PERCENT", "Value": 5}, 2, (0.5, 1.0)),
        ({"Type": "INSTANCE_COUNT", "Value": 2}, 5, (0.4, 0.8, 1.0)),
    ],
)
def test_batches_are_whole_machines(
    size: dict[str, Any], machines: int, shares: tuple[float, ...]
) -> None:
    policy = policy_of(rolling(MaximumBatchSize=size), OLD, NEW, machines=machines)
    assert policy is not None
    assert policy.shares == shares
    assert policy.back == machines


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 3}}, "5% and 50%"),
        ({"MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 4}}, "5% and 50%"),
        ({"RollbackMaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 5}}, "is above"),
        ({"MaximumExecutionTimeoutInSeconds": 100}, "shorter than all the waits"),
    ],
)
def test_the_service_refuses_batches_that_cannot_be(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(AwsError, match=words):
        policy_of(rolling(**changes), OLD, NEW, machines=4)
