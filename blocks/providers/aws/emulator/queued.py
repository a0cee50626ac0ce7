"""The rules of asynchronous endpoints, and what SNS is told of their answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from moto.backends import get_backend

from blocks.providers.aws.emulator import serverless
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

CONFIG = "AsyncInferenceConfig"
_AT_ONCE = 4  # where nobody says; the real service takes what it thinks best


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A request that waits. Its times are of the cloud's clock."""

    id: str
    endpoint: str
    source: str  # URI of the request
    answer: str
    failure: str
    headers: Mapping[str, str]
    came: float
    expires: float
    limit: float  # seconds that a container has
    topics: Mapping[str, str]


def at_once(config: Mapping[str, Any]) -> int:
    """Return how many requests a machine works on at a time."""
    told = config.get("ClientConfig", {})
    return int(told.get("MaxConcurrentInvocationsPerInstance", _AT_ONCE))


def check_queued(
    config: Mapping[str, Any] | None,
    live: Sequence[Mapping[str, Any]],
    shadows: Sequence[Mapping[str, Any]],
) -> None:
    """Raise what SageMaker says to an asynchronous endpoint that cannot be."""
    if config is None:
        return
    if len(live) > 1:
        raise _refused("a single production variant is supported")
    if shadows:
        raise _refused("ShadowProductionVariants are not supported")
    if any(serverless.CONFIG in each for each in live):
        raise _refused("ServerlessConfig is not supported")
    if not config["OutputConfig"].get("S3OutputPath"):
        raise AwsError("UnknownOperationException", "not emulated: no S3OutputPath", 501)
    if "IncludeInferenceResponseIn" in config["OutputConfig"].get("NotificationConfig", {}):
        told = "not emulated: IncludeInferenceResponseIn"
        raise AwsError("UnknownOperationException", told, 501)


def tell(world: World, asked: Queued, *, why: str = "") -> None:
    """Let the topic know of an answer, or of a failure and its reason."""
    topic = asked.topics.get("ErrorTopic" if why else "SuccessTopic")
    if not topic:
        return
    told: dict[str, Any] = {
        "awsRegion": world.region,
        "eventTime": _moment(world.clock.now()),
        "receivedTime": _moment(asked.came),
        "invocationStatus": "Failed" if why else "Completed",
        "requestParameters": {
            "contentType": asked.headers.get("content-type", ""),
            "endpointName": asked.endpoint,
            "inputLocation": asked.source,
        },
        "inferenceId": asked.id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    if why:
        told["failureReason"] = why
    else:
        told["responseParameters"] = {"outputLocation": asked.answer}
    with world.lock:
        backend = get_backend("sns")[world.account][world.region]
        if topic in backend.topics:
            backend.publish(message=json.dumps(told), arn=topic)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _refused(why: str) -> AwsError:
    return AwsError("ValidationException", f"Asynchronous inference: {why}.")
