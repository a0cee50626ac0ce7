"""How many machines stand behind a queue: Application Auto Scaling follows what waits in it.

With ``min_replicas=0`` there are none while nothing waits; the first request wakes one, for which
AWS wants a second policy and an alarm:
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from blocks.contracts import VariantRequest
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.asynchronous import AsyncInference
from blocks.providers.aws.errors import code_of
from blocks.providers.aws.scaling import GROW_AFTER, SHRINK_AFTER, place_of

POLICY, WAKING = "bluewater-backlog", "bluewater-wake"
BACKLOG, WAITING = "ApproximateBacklogSizePerInstance", "HasBacklogWithoutCapacity"
SUFFIX = "-waits"  # of the names of alarms
_NAMESPACE = "AWS/SageMaker"
_GONE = "ResourceNotFound"


def to_backlog_policy(
    endpoint: str, request: VariantRequest, queue: AsyncInference
) -> dict[str, Any]:
    """Say how many requests may wait for each machine."""
    metric = {
        "MetricName": BACKLOG,
        "Namespace": _NAMESPACE,
        "Dimensions": _dimensions(endpoint),
        "Statistic": "Average",
    }
    return {
        **place_of(endpoint, request.variant),
        "PolicyName": POLICY,
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": queue.backlog,
            "CustomizedMetricSpecification": metric,
            "ScaleInCooldown": SHRINK_AFTER,
            "ScaleOutCooldown": GROW_AFTER,
        },
    }


def to_waking_policy(endpoint: str, variant: str) -> dict[str, Any]:
    """Say that one machine comes when the alarm rings."""
    step = {"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}
    return {
        **place_of(endpoint, variant),
        "PolicyName": WAKING,
        "PolicyType": "StepScaling",
        "StepScalingPolicyConfiguration": {
            "AdjustmentType": "ChangeInCapacity",
            "MetricAggregationType": "Average",
            "Cooldown": SHRINK_AFTER,
            "StepAdjustments": [step],
        },
    }


def to_put_metric_alarm(
    endpoint: str, policy_arn: str, tags: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """Say that the alarm rings when something waits and no machine is there."""
    return {
        "AlarmName": alarm_of(endpoint),
        "Namespace": _NAMESPACE,
        "MetricName": WAITING,
        "Dimensions": _dimensions(endpoint),
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "missing",
        "AlarmActions": [policy_arn],
        "Tags": list(tags),
    }


def alarm_of(endpoint: str) -> str:
    """Return what the alarm of an endpoint is called."""
    return f"{endpoint}{SUFFIX}"


class BacklogScaling:
    """Lets what stands behind queues be scaled, and not any more."""

    def __init__(self, account: AwsAccount) -> None:
        self._account = account

    def begin(self, endpoint: str, request: VariantRequest, queue: AsyncInference) -> None:
        """Follow the queue of a variant that has bounds. May be repeated."""
        scaling = self._account.client("application-autoscaling")
        scaling.put_scaling_policy(**to_backlog_policy(endpoint, request, queue))
        if request.min_replicas == 0:
            put = scaling.put_scaling_policy(**to_waking_policy(endpoint, request.variant))
            alarm = to_put_metric_alarm(endpoint, put["PolicyARN"], self._account.tags())
            self._account.client("cloudwatch").put_metric_alarm(**alarm)

    def end(self, endpoint: str) -> None:
        """Remove the alarm of an endpoint; gone is fine. Policies go with what is scaled."""
        try:
            self._account.client("cloudwatch").delete_alarms(AlarmNames=[alarm_of(endpoint)])
        except ClientError as error:
            if code_of(error) != _GONE:
                raise


def _dimensions(endpoint: str) -> list[dict[str, str]]:
    return [{"Name": "EndpointName", "Value": endpoint}]
