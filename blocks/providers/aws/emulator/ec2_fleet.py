"""Instant fleets: one call that tries several machines and zones, over a launch template."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from blocks.providers.aws.emulator.ec2 import Instances, tags_of
from blocks.providers.aws.emulator.ec2_market import SHORTAGES
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

_STRATEGIES = {"price-capacity-optimized", "capacity-optimized", "lowest-price", "diversified"}


class Fleets:
    """CreateFleet of the type instant, and the launch templates that it needs."""

    def __init__(self, world: World, instances: Instances) -> None:
        self._world, self._instances = world, instances
        self._templates: dict[str, Answer] = {}
        self._tokens: dict[str, tuple[str, Answer]] = {}  # client token -> request, answer
        world.levers["ec2-templates"] = lambda _: sorted(self._templates)

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateLaunchTemplate": self.create_template,
            "DescribeLaunchTemplates": self.describe_templates,
            "DeleteLaunchTemplate": self.delete_template,
            "CreateFleet": self.create,
        }

    def create_template(self, asked: Answer) -> Answer:
        """Keep a template; names are unique."""
        name = asked["LaunchTemplateName"]
        if name in self._templates:
            raise AwsError(
                "InvalidLaunchTemplateName.AlreadyExistsException",
                "Launch template name already in use.",
            )
        template = {
            "LaunchTemplateId": f"lt-{uuid.uuid4().hex[:17]}",
            "LaunchTemplateName": name,
            "CreateTime": datetime.fromtimestamp(self._world.clock.now(), UTC),
            "DefaultVersionNumber": 1,
            "LatestVersionNumber": 1,
            "Tags": _listed(tags_of(asked, "launch-template")),
        }
        self._templates[name] = {"told": template, "data": asked["LaunchTemplateData"]}
        return {"LaunchTemplate": template}

    def describe_templates(self, asked: Answer) -> Answer:
        """List templates, by name or by tag."""
        names = asked.get("LaunchTemplateNames") or [*self._templates]
        found = [self._known(name)["told"] for name in names]
        for wanted in asked.get("Filters", []):
            key = wanted["Name"].removeprefix("tag:")
            found = [each for each in found if _tag(each, key) in wanted["Values"]]
        return {"LaunchTemplates": found}

    def delete_template(self, asked: Answer) -> Answer:
        """Forget a template."""
        told = self._known(asked["LaunchTemplateName"])["told"]
        del self._templates[asked["LaunchTemplateName"]]
        return {"LaunchTemplate": told}

    def create(self, asked: Answer) -> Answer:
        """Start one machine of those that will do; where there is none, say so for each."""
        _check(asked)
        token, text = asked.get("ClientToken", ""), json.dumps(asked, sort_keys=True)
        if token in self._tokens:
            before, answer = self._tokens[token]
            if before != text:
                raise AwsError(
                    "IdempotentParameterMismatch",
                    "Arguments on this idempotent request are inconsistent with arguments used "
                    "in previous request(s).",
                )
            return answer
        answer = self._created(asked)
        if token:
            self._tokens[token] = (text, answer)
        return answer

    def _created(self, asked: Answer) -> Answer:
        [config] = asked["LaunchTemplateConfigs"]
        data = self._known(config["LaunchTemplateSpecification"]["LaunchTemplateName"])["data"]
        spot = asked["TargetCapacitySpecification"]["DefaultTargetCapacityType"] == "spot"
        errors, id_ = [], f"fleet-{uuid.uuid4()}"
        for override in config.get("Overrides") or [{}]:
            request = _request(data, override, spot=spot)
            told = {"Overrides": {k: v for k, v in override.items() if k != "Placement"}}
            lifecycle = {
                "LaunchTemplateAndOverrides": told,
                "Lifecycle": "spot" if spot else "on-demand",
            }
            try:
                instance = self._instances.start(request)
            except AwsError as error:
                if error.code not in {code for code, _ in SHORTAGES.values()}:
                    raise
                errors.append({**lifecycle, "ErrorCode": error.code, "ErrorMessage": error.message})
                continue
            instance.tags.setdefault("aws:ec2:fleet-id", id_)
            made = {
                **lifecycle,
                "InstanceIds": [instance.id],
                "InstanceType": request["InstanceType"],
            }
            return {"FleetId": id_, "Errors": [], "Instances": [made]}
        return {"FleetId": id_, "Errors": errors, "Instances": []}

    def _known(self, name: str) -> Answer:
        if name not in self._templates:
            raise AwsError(
                "InvalidLaunchTemplateName.NotFoundException",
                f"The specified launch template, with template name {name}, does not exist.",
            )
        return self._templates[name]


def _check(asked: Answer) -> None:
    """Raise what EC2 says to a request that its model allows, but its rules do not."""
    if asked.get("Type") != "instant":
        raise AwsError("UnknownOperationException", "fleets of the type instant are emulated", 501)
    if asked["TargetCapacitySpecification"]["TotalTargetCapacity"] != 1:
        raise AwsError("UnknownOperationException", "fleets of one machine are emulated", 501)
    if len(asked["LaunchTemplateConfigs"]) != 1:
        raise AwsError("UnknownOperationException", "one template a fleet is emulated", 501)
    strategy = asked.get("SpotOptions", {}).get("AllocationStrategy", "lowest-price")
    if strategy not in _STRATEGIES:
        raise AwsError("InvalidParameterValue", f"{strategy} is no allocation strategy")


def _request(data: Answer, override: Answer, *, spot: bool) -> Answer:
    """Return what one try of a fleet asks for, in the words of RunInstances."""
    request = {**data, **{k: v for k, v in override.items() if k in ("InstanceType", "SubnetId")}}
    if zone := override.get("AvailabilityZone"):
        request["Placement"] = {"AvailabilityZone": zone}
    if spot:
        request["InstanceMarketOptions"] = {"MarketType": "spot"}
    return request


def _listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _tag(template: Answer, key: str) -> str | None:
    return next((each["Value"] for each in template["Tags"] if each["Key"] == key), None)
