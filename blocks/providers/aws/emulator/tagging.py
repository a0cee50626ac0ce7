"""Tags of everything in SageMaker, and the search for things by their tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from blocks.providers.aws.emulator.pages import page
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.tag_rules import tagged
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]


class Tagging:
    """AddTags, ListTags, DeleteTags, and GetResources of the tagging API."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "AddTags": self.add,
            "ListTags": self.list,
            "DeleteTags": self.delete,
            "GetResources": self.resources,
        }

    def add(self, asked: Answer) -> Answer:
        """Add tags, or give them another value."""
        arn = asked["ResourceArn"]
        self._world.tags[arn] = tagged(self._of(arn), asked["Tags"])
        return {"Tags": _listed(self._world.tags[arn])}

    def list(self, asked: Answer) -> Answer:
        """List the tags of one thing."""
        some, token = page(_listed(self._of(asked["ResourceArn"])), {"MaxResults": 100, **asked})
        return {"Tags": list(some), "NextToken": token}

    def delete(self, asked: Answer) -> Answer:
        """Take tags away."""
        tags = self._of(asked["ResourceArn"])
        for key in asked["TagKeys"]:
            tags.pop(key, None)
        return {}

    def resources(self, asked: Answer) -> Answer:
        """List what carries all of the tags asked for."""
        wanted = asked.get("TagFilters", [])
        found = [
            {"ResourceARN": arn, "Tags": _listed(tags)}
            for arn, tags in sorted(self._world.tags.items())
            if all(_meets(tags, each) for each in wanted)
        ]
        return {"PaginationToken": "", "ResourceTagMappingList": found}

    def _of(self, arn: str) -> dict[str, str]:
        if arn not in self._world.tags:
            raise AwsError("ValidationException", f"Could not find resource {arn}.")
        return self._world.tags[arn]


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _meets(tags: Mapping[str, str], wanted: Answer) -> bool:
    values = wanted.get("Values")
    return wanted["Key"] in tags and (not values or tags[wanted["Key"]] in values)
