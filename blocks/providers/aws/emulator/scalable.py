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
TRACKING = "TargetTrackingScaling"
_RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")


@dataclass(slots=True, kw_only=True)
class Target:
    """A variant that is scaled. Guarded by the world's lock."""

    endpoint: str
    variant: str
    least: int
    most: int
    policies: dict[str, Answer] = field(default_factory=dict)


class ScalableTargets:
    """RegisterScalableTarget, PutScalingPolicy and their kin, for SageMaker's variants."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, Target] = {}
        self.exists: Callable[[str, str], bool] = lambda endpoint, variant: False
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
        known = self._known.get(asked["ResourceId"])
        least = asked.get("MinCapacity", known.least if known else None)
        most = asked.get("MaxCapacity", known.most if known else None)
        if least is None or most is None or least > most:
            told = "MinCapacity and MaxCapacity must be specified, the first not above the second"
            raise AwsError("ValidationException", told)
        policies = known.policies if known else {}
        self._known[asked["ResourceId"]] = Target(
            endpoint=endpoint, variant=variant, least=least, most=most, policies=policies
        )
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
        target = self._of(asked)
        policy = asked.get("TargetTrackingScalingPolicyConfiguration")
        if asked.get("PolicyType") != TRACKING or policy is None:
            raise AwsError("UnknownOperationException", f"emulated is {TRACKING} alone", 501)
        if "PredefinedMetricSpecification" not in policy:
            told = "not emulated: CustomizedMetricSpecification"
            raise AwsError("UnknownOperationException", told, 501)
        target.policies[asked["PolicyName"]] = policy
        return {"PolicyARN": self._arn("scalingPolicy", asked["PolicyName"]), "Alarms": []}

    def delete_policy(self, asked: Answer) -> Answer:
        """Forget a policy."""
        target = self._of(asked)
        if asked["PolicyName"] not in target.policies:
            raise _missing(asked)
        del target.policies[asked["PolicyName"]]
        return {}

    def describe_policies(self, asked: Answer) -> Answer:
        """Tell by what variants are scaled."""
        wanted = asked.get("ResourceId")
        found = [
            {
                "PolicyARN": self._arn("scalingPolicy", policy),
                "PolicyName": policy,
                "ServiceNamespace": NAMESPACE,
                "ResourceId": name,
                "ScalableDimension": DIMENSION,
                "PolicyType": TRACKING,
                "TargetTrackingScalingPolicyConfiguration": settings,
                "CreationTime": self._world.clock.now(),
            }
            for name, each in self._known.items()
            if wanted in (None, name)
            for policy, settings in each.policies.items()
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


def _missing(asked: Answer) -> AwsError:
    return AwsError(
        "ObjectNotFoundException",
        f"No scalable target or policy found for service namespace: {NAMESPACE}, resource ID: "
        f"{asked['ResourceId']}, scalable dimension: {DIMENSION}",
    )
