"""Deployment guardrails: traffic moves to a new fleet in steps, and back when an alarm rings.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html. Which status is shown
on the way back is not documented; here it is RollingBack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.providers.aws.emulator.refusals import AwsError

LIMIT = 28_800  # seconds, unless told
EXCLUDED = "ml.inf1."  # machines for which SageMaker falls back to all at once, with no baking
_MOST_CANARY, _LEAST_STEP, _MOST_STEP = 50, 10, 50  # percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How an update moves traffic."""

    shares: tuple[float, ...]  # of the new fleet, one after the other; the last is all
    bake: float  # seconds after each of them, in which alarms are watched
    termination: float  # seconds until the old fleet goes
    limit: float  # seconds for it all
    alarms: tuple[str, ...]


def policy_of(
    config: Mapping[str, Any], before: Mapping[str, str], after: Mapping[str, str]
) -> Policy | None:
    """Return what a DeploymentConfig asks for; None where the service falls back to all at once.

    ``before`` and ``after`` are the machines of the variants, by name. Raises AwsError.
    """
    if "RollingUpdatePolicy" in config:
        raise AwsError("UnknownOperationException", "not emulated: RollingUpdatePolicy", 501)
    if {*before} != {*after}:
        told = "With a deployment configuration, the variant names must stay the same."
        raise AwsError("ValidationException", f"{told} {sorted(before)}, {sorted(after)}")
    if any(machine.startswith(EXCLUDED) for machine in (*before.values(), *after.values())):
        return None
    wanted = config.get("BlueGreenUpdatePolicy")
    if wanted is None:
        return None
    routing = wanted["TrafficRoutingConfiguration"]
    bake, termination = routing["WaitIntervalInSeconds"], wanted.get("TerminationWaitInSeconds", 0)
    limit = wanted.get("MaximumExecutionTimeoutInSeconds", LIMIT)
    shares = _shares(routing)
    if limit < bake * len(shares) + termination:
        told = "MaximumExecutionTimeoutInSeconds is shorter than all the waits together."
        raise AwsError("ValidationException", told)
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    return Policy(
        shares=shares,
        bake=bake,
        termination=termination,
        limit=limit,
        alarms=tuple(each["AlarmName"] for each in alarms),
    )


def _shares(routing: Mapping[str, Any]) -> tuple[float, ...]:
    kind = routing["Type"]
    if kind == "ALL_AT_ONCE":
        return (1.0,)
    word = "CanarySize" if kind == "CANARY" else "LinearStepSize"
    if word not in routing:
        raise AwsError("ValidationException", f"{word} must be specified when Type is {kind}")
    if routing[word]["Type"] != "CAPACITY_PERCENT":
        raise AwsError("UnknownOperationException", "not emulated: INSTANCE_COUNT", 501)
    size = routing[word]["Value"]
    least, most = (1, _MOST_CANARY) if kind == "CANARY" else (_LEAST_STEP, _MOST_STEP)
    if not least <= size <= most:
        told = f"{word} must be between {least} and {most} percent; it is {size}"
        raise AwsError("ValidationException", told)
    if kind == "CANARY":
        return (size / 100, 1.0)
    return (*(each / 100 for each in range(size, 100, size)), 1.0)
