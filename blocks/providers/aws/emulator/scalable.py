"""Application Auto Scaling: which variants are scaled between which bounds, and by what."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

NAMESPACE, DIMENSION = "sagemaker", "sagemaker:variant:DesiredInstanceCount"
TRACKING, STEPS = "TargetTrackingScaling", "StepScaling"
BACKLOG = "ApproximateBacklogSizePerInstance"
_RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")


@dataclass(slots=True, kw_only=True)
class Target:
    """A variant that is scaled. Guarded by the world's lock."""

    endpoint: str
    variant: str
    least: int
    most: int
    policies: dict[str, Answer] = field(default_factory=dict)  # that track a target
    steps: dict[str, Answer] = field(default_factory=dict)  # that wait for an alarm


class ScalableTargets:
    """RegisterScalableTarget, PutScalingPolicy and their kin, for SageMaker's variants."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, Target] = {}
        self.exists: Callable[[str, str], bool] = lambda endpoint, variant: False
        self.is_managed: Callable[[str, str], bool] = lambda endpoint, variant: False
        self.may_sleep: Callable[[str], bool] = lambda endpoint: False
        self.begin: Callable[[], None] = lambda: None  # called once something is to be scaled

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "RegisterScalableTarget": self.register,
            "DeregisterScalableTarget": self.deregister,
            "DescribeScalableTargets": self.describe,
            "PutScalingPolicy": self.put_policy,
            "DeleteScalingPolicy": self.delete_policy,
            "DescribeScalingPolicies": self.describe_policies,
        }

    def all(self) -> list[Target]:
        """Return every variant that is scaled."""
        return list(self._known.values())

    def of(self, endpoint: str) -> set[str]:
        """Return the variants of an endpoint that are scaled."""
        return {each.variant for each in self._known.values() if each.endpoint == endpoint}

    def forget(self, endpoint: str) -> None:
        """Scale nothing of an endpoint that is deleted."""
        self._known = {key: each for key, each in self._known.items() if each.endpoint != endpoint}

    def register(self, asked: Answer) -> Answer:
        """Scale a variant between bounds, or between others than before."""
        endpoint, variant = _place(asked)
        if not self.exists(endpoint, variant):
            told = f"No endpoint/variant found for resource ID {asked['ResourceId']}"
            raise AwsError("ValidationException", told)
        if self.is_managed(endpoint, variant):
            told = f"The instances of {asked['ResourceId']} have ManagedInstanceScaling enabled"
            raise AwsError("ValidationException", told)
        known = self._known.get(asked["ResourceId"])
        least = asked.get("MinCapacity", known.least if known else None)
        most = asked.get("MaxCapacity", known.most if known else None)
        if least is None or most is None or least > most:
            told = "MinCapacity and MaxCapacity must be specified, the first not above the second"
            raise AwsError("ValidationException", told)
        if least == 0 and not self.may_sleep(endpoint):
            told = "MinCapacity 0 is for asynchronous endpoints"
            raise AwsError("ValidationException", told)
        if known is None:
            known = Target(endpoint=endpoint, variant=variant, least=least, most=most)
        known.least, known.most = least, most
        self._known[asked["ResourceId"]] = known
        self.begin()
        return {"ScalableTargetARN": self._arn("scalable-target", asked["ResourceId"])}

    def deregister(self, asked: Answer) -> Answer:
        """Scale a variant no longer; its policies go too."""
        self._of(asked)
        del self._known[asked["ResourceId"]]
        return {}

    def describe(self, asked: Answer) -> Answer:
        """Tell what is scaled."""
        found = [
            {
                "ServiceNamespace": NAMESPACE,
                "ResourceId": name,
                "ScalableDimension": DIMENSION,
                "MinCapacity": each.least,
                "MaxCapacity": each.most,
                "RoleARN": f"arn:aws:iam::{self._world.account}:role/aws-service-role/scaling",
                "CreationTime": self._world.clock.now(),
            }
            for name, each in self._known.items()
            if name in asked.get("ResourceIds", [name])
        ]
        return {"ScalableTargets": found}

    def put_policy(self, asked: Answer) -> Answer:
        """Say by what a variant is scaled."""
        target, kind = self._of(asked), asked.get("PolicyType")
        policy = asked.get(f"{kind}PolicyConfiguration")
        if kind not in (TRACKING, STEPS) or policy is None:
            raise AwsError("UnknownOperationException", f"not emulated: PolicyType {kind}", 501)
        if kind == TRACKING:
            _check_tracking(policy, target.endpoint)
            target.policies[asked["PolicyName"]] = policy
        else:
            _check_steps(policy)
            target.steps[asked["PolicyName"]] = policy
        return {"PolicyARN": self.policy_arn(target, asked["PolicyName"]), "Alarms": []}

    def policy_arn(self, target: Target, name: str) -> str:
        """Return the ARN of a policy, by which an alarm names it."""
        resource = f"endpoint/{target.endpoint}/variant/{target.variant}"
        return self._arn("scalingPolicy", f"resource/sagemaker/{resource}:policyName/{name}")

    def delete_policy(self, asked: Answer) -> Answer:
        """Forget a policy."""
        target = self._of(asked)
        name = asked["PolicyName"]
        if target.policies.pop(name, None) is None and target.steps.pop(name, None) is None:
            raise _missing(asked)
        return {}

    def describe_policies(self, asked: Answer) -> Answer:
        """Tell by what variants are scaled."""
        wanted = asked.get("ResourceId")
        found = [
            {
                "PolicyARN": self.policy_arn(each, policy),
                "PolicyName": policy,
                "ServiceNamespace": NAMESPACE,
                "ResourceId": name,
                "ScalableDimension": DIMENSION,
                "PolicyType": kind,
                f"{kind}PolicyConfiguration": settings,
                "CreationTime": self._world.clock.now(),
            }
            for name, each in self._known.items()
            if wanted in (None, name)
            for kind, policies in ((TRACKING, each.policies), (STEPS, each.steps))
            for policy, settings in policies.items()
        ]
        return {"ScalingPolicies": found}

    def _of(self, asked: Answer) -> Target:
        _place(asked)
        found = self._known.get(asked["ResourceId"])
        if found is None:
            raise _missing(asked)
        return found

    def _arn(self, kind: str, name: str) -> str:
        place = f"{self._world.region}:{self._world.account}"
        return f"arn:aws:application-autoscaling:{place}:{kind}/{name}"


def _place(asked: Answer) -> tuple[str, str]:
    found = _RESOURCE.fullmatch(asked["ResourceId"])
    if asked["ServiceNamespace"] != NAMESPACE or asked["ScalableDimension"] != DIMENSION:
        raise AwsError("UnknownOperationException", f"emulated is {DIMENSION} alone", 501)
    if found is None:
        told = f"Unsupported service namespace, resource type: {asked['ResourceId']}"
        raise AwsError("ValidationException", told)
    return found[1], found[2]


def _check_tracking(policy: Answer, endpoint: str) -> None:
    """Raise for a target that is tracked by what is not measured here."""
    custom = policy.get("CustomizedMetricSpecification")
    if custom is None:
        return
    told = {each["Name"]: each["Value"] for each in custom.get("Dimensions", [])}
    if custom.get("MetricName") != BACKLOG or told != {"EndpointName": endpoint}:
        raise AwsError("UnknownOperationException", f"emulated is {BACKLOG} of the endpoint", 501)


def _check_steps(policy: Answer) -> None:
    steps = policy.get("StepAdjustments", [])
    if policy.get("AdjustmentType") != "ChangeInCapacity" or len(steps) != 1:
        told = "emulated is one step of ChangeInCapacity"
        raise AwsError("UnknownOperationException", told, 501)


def _missing(asked: Answer) -> AwsError:
    return AwsError(
        "ObjectNotFoundException",
        f"No scalable target or policy found for service namespace: {NAMESPACE}, resource ID: "
        f"{asked['ResourceId']}, scalable dimension: {DIMENSION}",
    )
