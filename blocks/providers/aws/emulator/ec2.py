"""EC2's instances: what may be asked of them, and what is told of them."""

from __future__ import annotations

import base64
import json
import re
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from moto.backends import get_backend

from blocks.providers.aws.emulator.ec2_filters import meets
from blocks.providers.aws.emulator.ec2_instance import Instance
from blocks.providers.aws.emulator.ec2_machine import Machine
from blocks.providers.aws.emulator.ec2_market import Market
from blocks.providers.aws.emulator.ec2_prices import SpotPrices
from blocks.providers.aws.emulator.pages import page
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

_EMULATED = {
    "BlockDeviceMappings",
    "ClientToken",
    "IamInstanceProfile",
    "ImageId",
    "InstanceInitiatedShutdownBehavior",
    "InstanceMarketOptions",
    "InstanceType",
    "MaxCount",
    "MetadataOptions",
    "MinCount",
    "Placement",
    "SecurityGroupIds",
    "SubnetId",
    "TagSpecifications",
    "UserData",
}
_IMAGE = re.compile(r"ami-[0-9a-f]{8,17}|resolve:ssm:/[\w./-]+")
_USER_DATA = 16384  # bytes, before they are encoded


class Instances:
    """RunInstances and its kin. An instance runs in a thread of its own until it is gone."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._all: dict[str, Instance] = {}
        self._tokens: dict[str, tuple[str, str]] = {}  # client token -> request, instance
        self.market = Market(world)
        world.levers.update(
            {
                "ec2-reclaim": self._reclaim,
                "ec2-break": lambda said: self._all[said["instance"]].break_down.set(),
                "ec2-forget": self._forget,
                "ec2-instances": lambda _: [_shown(each) for each in [*self._all.values()]],
            }
        )

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "RunInstances": self.run,
            "DescribeInstances": self.describe,
            "TerminateInstances": self.terminate,
            "GetConsoleOutput": self.console,
            "DescribeSpotPriceHistory": SpotPrices(self._world).history,
        }

    def find(self, id_: str) -> Instance | None:
        """Return an instance by its id."""
        return self._all.get(id_)

    def run(self, asked: Answer) -> Answer:
        """Start one machine; under a client token that was used before, tell of the same one."""
        _check(asked, self._world)
        token, text = asked.get("ClientToken", ""), json.dumps(asked, sort_keys=True)
        if token in self._tokens:
            before, id_ = self._tokens[token]
            if before != text:
                raise AwsError(
                    "IdempotentParameterMismatch",
                    "Arguments on this idempotent request are inconsistent with arguments used "
                    "in previous request(s).",
                )
            return _reservation(self._all[id_], self._world)
        instance = self.start(asked)
        if token:
            self._tokens[token] = (text, instance.id)
        return _reservation(instance, self._world)

    def start(self, asked: Answer) -> Instance:
        """Start one machine. Raises AwsError where there is none to be had."""
        spot = bool(asked.get("InstanceMarketOptions"))
        zone = self.market.zone(asked)
        self.market.take(asked["InstanceType"], zone, spot=spot)
        instance = Instance(
            id=f"i-{uuid.uuid4().hex[:17]}",
            asked=asked,
            zone=zone,
            launched=self._world.clock.now(),
            tags=tags_of(asked, "instance"),
        )
        self._all[instance.id] = instance
        machine = Machine(self._world, instance)
        self._world.beside(machine.to_its_end, instance.id)
        return instance

    def describe(self, asked: Answer) -> Answer:
        """Tell of instances by id and by filter; one just made may not be seen yet."""
        stale = self._world.faults.take("stale-read", "ec2:DescribeInstances")
        ids = asked.get("InstanceIds") or [*self._all]
        if asked.get("InstanceIds"):
            self._known(ids, stale=stale)
        found = [
            each
            for each in (self._all[id_] for id_ in ids)
            if all(meets(each, wanted) for wanted in asked.get("Filters", []))
        ]
        some, token = page(found[:-1] if stale else found, {"MaxResults": 1000, **asked})
        told: Answer = {"Reservations": [_reservation(each, self._world) for each in some]}
        return {**told, "NextToken": token} if token else told

    def terminate(self, asked: Answer) -> Answer:
        """End instances; of those that are gone it is said again."""
        self._known(asked["InstanceIds"])
        changes = []
        for id_ in asked["InstanceIds"]:
            instance = self._all[id_]
            before = instance.change()["CurrentState"]
            if not instance.over:
                instance.state = "shutting-down"
            instance.terminate.set()
            changes.append({**instance.change(), "PreviousState": before})
        return {"TerminatingInstances": changes}

    def console(self, asked: Answer) -> Answer:
        """Tell what the machine's console showed."""
        self._known([asked["InstanceId"]])
        text = "\n".join(self._all[asked["InstanceId"]].console)
        return {
            "InstanceId": asked["InstanceId"],
            "Output": base64.b64encode(text.encode()).decode(),
        }

    def _known(self, ids: list[str], *, stale: bool = False) -> None:
        unknown = [id_ for id_ in ids if stale or id_ not in self._all]
        if unknown:
            raise AwsError(
                "InvalidInstanceID.NotFound", f"The instance ID '{unknown[0]}' does not exist"
            )

    def _reclaim(self, said: Answer) -> None:
        """Give a spot machine its notice; it is gone after the time between."""
        with self._world.lock:
            instance = self._all[said["instance"]]
            if not instance.spot:
                raise ValueError(f"{instance.id} is no spot instance")
            end = self._world.clock.now() + self._world.settings.notice
            instance.notice = instance.notice or end

    def _forget(self, said: Answer) -> None:
        """Forget a machine that is gone, as EC2 does after an hour."""
        with self._world.lock:
            if self._all[said["instance"]].state == "terminated":
                del self._all[said["instance"]]


def tags_of(asked: Answer, kind: str) -> dict[str, str]:
    """Return the tags that a request brings for things of one kind."""
    return {
        tag["Key"]: tag["Value"]
        for each in asked.get("TagSpecifications", [])
        if each["ResourceType"] == kind
        for tag in each["Tags"]
    }


def _check(asked: Answer, world: World) -> None:
    """Raise what EC2 says to a request that its model allows, but its rules do not."""
    if unknown := sorted({*asked} - _EMULATED):
        raise AwsError("UnknownOperationException", f"not emulated: {', '.join(unknown)}", 501)
    if asked["MinCount"] != 1 or asked["MaxCount"] != 1:
        raise AwsError("UnknownOperationException", "one instance a call is emulated", 501)
    for needed in ("ImageId", "InstanceType"):
        if not asked.get(needed):
            told = f"The request must contain the parameter {needed}"
            raise AwsError("MissingParameter", told)
    if not _IMAGE.fullmatch(asked["ImageId"]):
        raise AwsError("InvalidAMIID.Malformed", f'Invalid id: "{asked["ImageId"]}"')
    if len(asked.get("ClientToken", "")) > 64:
        raise AwsError("InvalidParameterValue", "Value for clientToken is too long")
    if len(base64.b64decode(asked.get("UserData", ""))) > _USER_DATA:
        raise AwsError("InvalidParameterValue", "User data is limited to 16384 bytes")
    _check_profile(asked.get("IamInstanceProfile", {}), world)


def _check_profile(profile: Answer, world: World) -> None:
    name = profile.get("Name") or profile.get("Arn", "").rpartition("/")[2]
    known = get_backend("iam")[world.account]["aws"].instance_profiles.values()
    if name and name not in {each.name for each in known}:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM "
            "Instance Profile name",
        )


def _reservation(instance: Instance, world: World) -> Answer:
    return {
        "ReservationId": f"r-{instance.id[2:]}",
        "OwnerId": world.account,
        "Instances": [instance.told()],
    }


def _shown(instance: Instance) -> Answer:
    return {
        "id": instance.id,
        "state": instance.state,
        "spot": instance.spot,
        "zone": instance.zone,
        "tags": instance.tags,
        "notice_seen": instance.notice_seen,
        "asked": instance.asked,
    }
