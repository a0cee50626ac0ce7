"""SageMaker's own data capture: what is asked and answered, as lines of JSON in S3."""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from blocks.providers.aws.emulator import serverless
from blocks.providers.aws.emulator.fleets import Fleet
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

CONFIG = "DataCaptureConfig"
_MODES = {"Input": "endpointInput", "Output": "endpointOutput"}
_random = random.Random()  # noqa: S311 - a sample, not a secret


def check_capture(asked: Mapping[str, Any]) -> None:
    """Raise what SageMaker says to a capture that cannot be."""
    config = asked.get(CONFIG)
    if config and any(serverless.CONFIG in each for each in asked["ProductionVariants"]):
        raise AwsError("ValidationException", "Serverless inference: data capture.")


def told_of(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what a description of an endpoint says of its capture."""
    if config is None:
        return None
    started = bool(config.get("EnableCapture"))
    return {
        "EnableCapture": started,
        "CaptureStatus": "Started" if started else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }


def folder_of(config: Mapping[str, Any], endpoint: str) -> str:
    """Return where the captures of an endpoint are."""
    return f"{config['DestinationS3Uri'].rstrip('/')}/{endpoint}"


def capture(
    world: World,
    config: Mapping[str, Any] | None,
    fleet: Fleet,
    asked: tuple[str, bytes],
    answered: tuple[str, bytes],
    *,
    inference: str = "",
) -> None:
    """Keep one exchange, types and bodies, if it falls into the sample.

    Simpler than the real service: each is written at once, to a file of its own.
    """
    if not config or not config.get("EnableCapture"):
        return
    if _random.random() * 100 >= config["InitialSamplingPercentage"]:
        return
    now, number = datetime.fromtimestamp(world.clock.now(), UTC), str(uuid.uuid4())
    header = config.get("CaptureContentTypeHeader", {})
    bodies = {"Input": asked, "Output": answered}
    line = {
        "captureData": {
            _MODES[each["CaptureMode"]]: _body(*bodies[each["CaptureMode"]], header, each)
            for each in config["CaptureOptions"]
            if each["CaptureMode"] in _MODES
        },
        "eventMetadata": {
            "eventId": number,
            **({"inferenceId": inference} if inference else {}),
            "inferenceTime": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        },
        "eventVersion": "0",
    }
    name = f"{now:%Y/%m/%d/%H/%M-%S}-{now.microsecond // 1000:03d}-{number}.jsonl"
    place = f"{folder_of(config, fleet.endpoint)}/{fleet.name}"
    world.objects.write(f"{place}/{name}", json.dumps(line).encode() + b"\n")


def _body(
    kind: str, content: bytes, header: Mapping[str, Any], option: Mapping[str, str]
) -> dict[str, str]:
    told = {"observedContentType": kind, "mode": option["CaptureMode"].upper()}
    plain = {"JSON": "JsonContentTypes", "CSV": "CsvContentTypes"}
    for encoding, word in plain.items():
        if kind.partition(";")[0] in header.get(word, ()):
            return {**told, "data": content.decode(errors="replace"), "encoding": encoding}
    return {**told, "data": base64.b64encode(content).decode(), "encoding": "BASE64"}
