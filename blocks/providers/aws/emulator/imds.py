"""The metadata service of every instance, below ``/_imds/<instance>/``: version 2 only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from werkzeug.wrappers import Request, Response

from blocks.providers.aws.emulator.ec2 import Instances
from blocks.providers.aws.emulator.ec2_instance import Instance
from blocks.providers.aws.emulator.launch import CONTAINERS
from blocks.providers.aws.emulator.world import World

PREFIX = "/_imds/"
_PATH = re.compile(r"/_imds/(i-[0-9a-f]+)/+latest/(.+)")
_ROLE = "iam/security-credentials/"
_LIFE = timedelta(hours=6)


class Imds:
    """What a machine can ask about itself. On AWS it answers at 169.254.169.254."""

    def __init__(self, world: World, instances: Instances) -> None:
        self._world, self._instances = world, instances

    def answer(self, request: Request) -> Response:
        """Answer one request of a machine that runs."""
        match = _PATH.fullmatch(request.path)
        instance = self._instances.find(match[1]) if match else None
        if match is None or instance is None or instance.state != "running":
            return Response("", status=404)
        if (request.method, match[2]) == ("PUT", "api/token"):
            return Response(f"token-of-{instance.id}")
        if request.headers.get("X-aws-ec2-metadata-token") != f"token-of-{instance.id}":
            return Response("", status=401)
        told = self._told(instance, match[2].removeprefix("meta-data/"))
        return Response("", status=404) if told is None else Response(told)

    def _told(self, instance: Instance, path: str) -> str | None:
        if path == "spot/instance-action":
            return self._notice(instance)
        if path.startswith(_ROLE):
            return self._credentials(instance, path.removeprefix(_ROLE))
        return self._facts(instance).get(path)

    def _facts(self, instance: Instance) -> Mapping[str, str]:
        return {
            "instance-id": instance.id,
            "instance-type": instance.asked["InstanceType"],
            "instance-life-cycle": "spot" if instance.spot else "on-demand",
            "placement/availability-zone": instance.zone,
            "placement/region": self._world.region,
        }

    def _notice(self, instance: Instance) -> str | None:
        if instance.notice is None:
            return None
        instance.notice_seen = True
        return json.dumps({"action": "terminate", "time": _time(instance.notice)})

    def _credentials(self, instance: Instance, role: str) -> str | None:
        """Return the name of the profile's role, or what its bearer may sign with."""
        profile = instance.asked.get("IamInstanceProfile", {})
        name = profile.get("Name") or profile.get("Arn", "").rpartition("/")[2]
        if not name or not role:
            return name or None
        now = self._world.clock.now()
        told = {
            "Code": "Success",
            "LastUpdated": _time(now),
            "Type": "AWS-HMAC",
            "AccessKeyId": CONTAINERS,
            "SecretAccessKey": "secret-of-the-instance",
            "Token": "token-of-the-instance",
            "Expiration": _time(now + _LIFE.total_seconds()),
        }
        return json.dumps(told)


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
