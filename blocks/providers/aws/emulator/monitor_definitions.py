"""What SageMaker's monitor is to do: definitions of data quality jobs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.own_programs import own_program
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]
_OFFSET = re.compile(r"-PT(\d+)H")


class JobDefinitions:
    """CreateDataQualityJobDefinition and its kin."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, Answer] = {}
        self.in_use: Callable[[str], bool] = lambda name: False

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateDataQualityJobDefinition": self.create,
            "DescribeDataQualityJobDefinition": lambda asked: self.of(asked["JobDefinitionName"]),
            "ListDataQualityJobDefinitions": self.list,
            "DeleteDataQualityJobDefinition": self.delete,
        }

    def create(self, asked: Answer) -> Answer:
        """Keep a definition; its name is unique."""
        name, world = asked["JobDefinitionName"], self._world
        if name in self._known:
            told = f"Job definition already exists: {name}"
            raise AwsError("ResourceInUse", told)
        source = asked["DataQualityJobInput"].get("EndpointInput")
        if source is None:
            raise AwsError("UnknownOperationException", "not emulated: BatchTransformInput", 501)
        own_program(asked["DataQualityAppSpecification"]["ImageUri"])
        for word in ("StartTimeOffset", "EndTimeOffset"):
            if not _OFFSET.fullmatch(source.get(word, "-PT0H")):
                raise AwsError("ValidationException", f"Invalid {word}: {source[word]}")
        arn = world.arn("data-quality-job-definition", name)
        kept = {key: value for key, value in asked.items() if key != "Tags"}
        times = {"CreationTime": world.clock.now()}
        self._known[name] = {**kept, "JobDefinitionArn": arn, **times}
        world.tag(arn, asked.get("Tags"))
        return {"JobDefinitionArn": arn}

    def of(self, name: str) -> Answer:
        """Return a definition. Raises AwsError for one that is not there."""
        if name not in self._known:
            raise AwsError("ResourceNotFound", f"Could not find job definition: {name}")
        return dict(self._known[name])

    def list(self, asked: Answer) -> Answer:
        """List definitions."""
        found = [
            {
                "MonitoringJobDefinitionName": name,
                "MonitoringJobDefinitionArn": each["JobDefinitionArn"],
                "CreationTime": each["CreationTime"],
                "EndpointName": each["DataQualityJobInput"]["EndpointInput"]["EndpointName"],
            }
            for name, each in self._known.items()
        ]
        some, token = listed(found, asked, "MonitoringJobDefinition")
        return {"JobDefinitionSummaries": some, "NextToken": token}

    def delete(self, asked: Answer) -> Answer:
        """Forget a definition that no schedule uses."""
        name = asked["JobDefinitionName"]
        self.of(name)
        if self.in_use(name):
            raise AwsError("ValidationException", f"{name} is used by a monitoring schedule")
        del self._known[name]
        return {}


def hours_before(source: Mapping[str, Any], word: str, usual: int) -> int:
    """Return how many hours before it is due a look begins or ends to read."""
    found = _OFFSET.fullmatch(source.get(word, ""))
    return int(found[1]) if found else usual
