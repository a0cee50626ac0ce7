"""Rules of SageMaker's jobs that its published model does not tell."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from blocks.providers.aws.disks import has_own_disk
from blocks.providers.aws.emulator.refusals import AwsError

_ECR = re.compile(r"\d{12}\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/\S+")
_SOURCE = {"S3DataType", "S3Uri", "S3DataDistributionType"}
_CHANNEL = {"ChannelName", "DataSource", "ContentType", "CompressionType", "InputMode"}


def is_in_ecr(image: str) -> bool:
    """Whether an image is in Amazon's own registry; of others SageMaker wants more."""
    return _ECR.fullmatch(image) is not None


def check_volume_key(machines: Mapping[str, Any]) -> None:
    """Raise what SageMaker says to a key for a disk that is inside the machine."""
    machine = machines["InstanceType"]
    if "VolumeKmsKeyId" in machines and has_own_disk(machine):
        told = f"VolumeKmsKeyId is not supported for instances with local storage: {machine}"
        raise AwsError("ValidationException", told)


def check_channels(channels: Sequence[Mapping[str, Any]]) -> None:
    """Raise for channels that cannot be, and for those that are not brought here."""
    names = [each["ChannelName"] for each in channels]
    if len(set(names)) < len(names):
        raise AwsError("ValidationException", "Channel names must be unique within a training job")
    for each in channels:
        source = each["DataSource"].get("S3DataSource")
        if source is None or {*source} - _SOURCE or {*each} - _CHANNEL:
            told = f"not emulated: channel {each['ChannelName']} as it is asked for"
            raise AwsError("UnknownOperationException", told, 501)
        check_mode(each.get("InputMode", "File"))
        plain = each.get("CompressionType", "None") == "None" and source["S3DataType"] == "S3Prefix"
        if not plain or source.get("S3DataDistributionType") == "ShardedByS3Key":
            told = f"not emulated: {each['ChannelName']}: whole prefixes that are not packed alone"
            raise AwsError("UnknownOperationException", told, 501)


def check_mode(mode: str) -> None:
    """Raise for data that is not brought as files."""
    if mode == "Pipe":
        raise AwsError("UnknownOperationException", "not emulated: input mode Pipe", 501)


def check_expression(expression: str) -> None:
    """Raise for a metric that no line could tell."""
    try:
        groups = re.compile(expression).groups
    except re.error:
        groups = 0
    if not groups:
        told = f"Invalid metric definition: {expression!r} is no expression with a group"
        raise AwsError("ValidationException", told)
