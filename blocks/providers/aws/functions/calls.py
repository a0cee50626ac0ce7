"""Endpoints in Lambda's words. Pure: no call is made here.

An endpoint is a function, a variant one of its published versions, and the split is an alias.
What a version serves is told by its own environment, which is as lasting as the version.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.contracts import InvalidRequest, Traffic, Unsupported, VariantRequest
from blocks.providers.aws.account import OWNER_TAG, AwsAccount
from blocks.providers.aws.functions.container import ENTRY, REQUEST, TOKEN

LIVE = "live"  # the alias that callers ask

_PAYLOAD = 6_291_456  # bytes of an event, and of its answer
_ENVELOPE = 8_192  # bytes of an event beside the body
# A body travels as base64, which makes four bytes of three.
MAX_BODY = (_PAYLOAD - _ENVELOPE) // 4 * 3

_MACHINE = re.compile(r"lambda-(\d+)")
_LEAST, _MOST = 128, 10_240  # megabytes of memory
_START = 60  # seconds for a model to load where no environment is kept ready
_LONGEST = 900  # seconds of an invocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A variant as its function tells of it."""

    request: VariantRequest
    token: str
    number: str = ""  # of its version; empty while it is not published
    active: bool = False
    failure: str = ""


def to_configuration(
    request: VariantRequest, token: str, *, account: AwsAccount, storage_mb: int
) -> dict[str, Any]:
    """Return what a version is like, for the call that creates a function or changes it."""
    timeout = math.ceil(request.serving.timeout.total_seconds()) + _START
    told: dict[str, Any] = {
        "FunctionName": account.named(request.endpoint),
        "Role": account.execution_role,
        "Description": request.variant,
        "ImageConfig": {"EntryPoint": list(ENTRY)},
        "MemorySize": memory_of(request.machine),
        "Timeout": min(timeout, _LONGEST),
        "EphemeralStorage": {"Size": storage_mb},
        "Environment": {
            "Variables": {**request.env, REQUEST: request.model_dump_json(), TOKEN: token}
        },
    }
    if vpc := account.vpc():
        told["VpcConfig"] = {
            "SubnetIds": vpc["Subnets"],
            "SecurityGroupIds": vpc["SecurityGroupIds"],
        }
    return told


def to_create_function(
    configuration: Mapping[str, Any], *, account: AwsAccount, image: str
) -> dict[str, Any]:
    """Return the call that makes the function of an endpoint."""
    return {
        **configuration,
        "PackageType": "Image",
        "Code": {"ImageUri": image},
        "Tags": {OWNER_TAG: account.owner},
    }


def from_configuration(told: Mapping[str, Any]) -> Deployed | None:
    """Return the variant that a version serves; None if it serves none."""
    variables = told.get("Environment", {}).get("Variables", {})
    if not variables.get(TOKEN):
        return None
    state, update = told.get("State", "Active"), told.get("LastUpdateStatus", "Successful")
    failed = "Failed" in (state, update)
    reason = told.get("LastUpdateStatusReason") or told.get("StateReason") or "Lambda says Failed"
    return Deployed(
        request=VariantRequest.model_validate_json(variables[REQUEST]),
        token=variables[TOKEN],
        number="" if told["Version"] == "$LATEST" else told["Version"],
        active=(state, update) == ("Active", "Successful"),
        failure=str(reason) if failed else "",
    )


def to_split(to: Traffic, numbers: Mapping[str, str]) -> dict[str, Any]:
    """Return what an alias is to name. Raises Unsupported for more than two variants."""
    shares = {name: share for name, share in to.percent.items() if share}
    if not shares:
        raise InvalidRequest("give the traffic to somebody; a split has to add up to 100")
    if len(shares) > 2:
        raise Unsupported(
            f"Lambda splits between two versions, not {len(shares)}; shift to one first",
            code="WEIGHTS",
        )
    first, *others = sorted(shares, key=lambda name: (-shares[name], name))
    weights = {numbers[name]: shares[name] / 100 for name in others}
    return {
        "FunctionVersion": numbers[first],
        "RoutingConfig": {"AdditionalVersionWeights": weights},
    }


def from_alias(alias: Mapping[str, Any], variants: Mapping[str, str]) -> Traffic:
    """Return the split of an alias; ``variants`` are the names by version."""
    weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    percent = {variants.get(number, number): round(100 * w) for number, w in weights.items()}
    first = variants.get(alias["FunctionVersion"], alias["FunctionVersion"])
    return Traffic(
        percent={first: 100 - sum(percent.values()), **percent}, etag=alias["RevisionId"]
    )


def memory_of(machine: str) -> int:
    """Return the megabytes of a machine. Raises InvalidRequest, with the remedy."""
    match = _MACHINE.fullmatch(machine)
    if match is None or not _LEAST <= int(match[1]) <= _MOST:
        raise InvalidRequest(
            f"machine: Lambda has lambda-{_LEAST} to lambda-{_MOST}, by megabytes of memory; "
            f"{machine!r} is none of them",
            code="MACHINE",
        )
    return int(match[1])


def require_servable(request: VariantRequest) -> None:
    """Raise InvalidRequest for what Lambda would never serve."""
    memory_of(request.machine)
    if request.serving.timeout.total_seconds() > _LONGEST - _START:
        raise InvalidRequest(
            f"serving.timeout is {request.serving.timeout}, and Lambda waits {_LONGEST} s with the "
            "start of a model; ask for less, or score in batches",
            code="TIMEOUT",
        )
    if not request.model.uri.startswith("s3://"):
        raise InvalidRequest(f"model: {request.model.uri} is not in S3; register it", code="MODEL")
    if reserved := sorted(name for name in request.env if name.startswith("AWS_")):
        raise InvalidRequest(f"env: Lambda keeps these for itself: {reserved}", code="ENV")


def differs(known: VariantRequest, asked: VariantRequest) -> str:
    """Return what of a request is not as it was."""
    fields = [name for name, value in asked if value != getattr(known, name)]
    about = {name: (getattr(known, name), getattr(asked, name)) for name in fields}
    told = json.dumps({name: [str(a), str(b)] for name, (a, b) in about.items()})
    return (
        f"variant {asked.variant!r} of {asked.endpoint!r} is there with another "
        f"{' and '.join(fields)}: {told}; take another name"
    )
