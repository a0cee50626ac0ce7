"""Deployment guardrails: traffic moves to a new fleet in steps, and back when an alarm rings.

https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html. Which status is shown
on the way back is not documented; here it is RollingBack.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.rolling import batch_of, returned_of
from blocks.providers.aws.emulator.serverless import SERVERLESS

LIMIT = 28_800  # seconds, unless told
EXCLUDED = "ml.inf1."  # machines for which SageMaker falls back to all at once, with no baking
"""Others are https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html:
for a rolling update also variants beside each other, and those without machines."""
_LONGEST = "MaximumExecutionTimeoutInSeconds"
_MOST_CANARY, _LEAST_STEP, _MOST_STEP = 50, 10, 50  # percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How an update moves traffic."""

    shares: tuple[float, ...]  # of the new fleet, one after the other; the last is all
    bake: float  # seconds after each of them, in which alarms are watched
    termination: float  # seconds until the old fleet goes
    limit: float  # seconds for it all
    alarms: tuple[str, ...]
    batch: int = 0  # machines that come and go with each share; 0: they come and go together
    back: int = 0  # and those that come back at a time


def policy_of(
    config: Mapping[str, Any],
    before: Mapping[str, str],
    after: Mapping[str, str],
    *,
    machines: int = 1,
) -> Policy | None:
    """Return what a DeploymentConfig asks for; None where the service falls back to all at once.

    ``before`` and ``after`` are the kinds of machines of the variants, by name, and ``machines``
    how many the first one will have. Raises AwsError.
    """
    if {"BlueGreenUpdatePolicy", "RollingUpdatePolicy"} <= {*config}:
        told = "BlueGreenUpdatePolicy and RollingUpdatePolicy cannot both be specified."
        raise AwsError("ValidationException", told)
    if {*before} != {*after}:
        told = "With a deployment configuration, the variant names must stay the same."
        raise AwsError("ValidationException", f"{told} {sorted(before)}, {sorted(after)}")
    if any(machine.startswith(EXCLUDED) for machine in (*before.values(), *after.values())):
        return None
    alarms = config.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    names = tuple(each["AlarmName"] for each in alarms)
    if rolling := config.get("RollingUpdatePolicy"):
        kinds = [*before.values(), *after.values()]
        alone = len(kinds) == 2 and SERVERLESS not in kinds
        return _rolling(rolling, names, machines) if alone else None
    wanted = config.get("BlueGreenUpdatePolicy")
    return _blue_green(wanted, names) if wanted else None


def _blue_green(wanted: Mapping[str, Any], alarms: tuple[str, ...]) -> Policy:
    routing = wanted["TrafficRoutingConfiguration"]
    bake, termination = routing["WaitIntervalInSeconds"], wanted.get("TerminationWaitInSeconds", 0)
    limit = wanted.get(_LONGEST, LIMIT)
    shares = _shares(routing)
    _require_time(limit, bake * len(shares) + termination)
    return Policy(shares=shares, bake=bake, termination=termination, limit=limit, alarms=alarms)


def _rolling(wanted: Mapping[str, Any], alarms: tuple[str, ...], machines: int) -> Policy:
    batch = batch_of(wanted["MaximumBatchSize"], machines)
    bake, limit = wanted["WaitIntervalInSeconds"], wanted.get(_LONGEST, LIMIT)
    shares = (*(each / machines for each in range(batch, machines, batch)), 1.0)
    _require_time(limit, bake * len(shares))
    return Policy(
        shares=shares,
        bake=bake,
        termination=0.0,
        limit=limit,
        alarms=alarms,
        batch=batch,
        back=returned_of(wanted.get("RollbackMaximumBatchSize"), machines),
    )


def _require_time(limit: float, waits: float) -> None:
    if limit < waits:
        told = f"{_LONGEST} is shorter than all the waits together."
        raise AwsError("ValidationException", told)


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
