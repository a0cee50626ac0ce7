"""Getting a job its machine: exactly one, however many ask, and whoever dies while asking.

A try is one call under one client token, so that repeating it makes nothing new. What came of it
is written down by whoever is first; all others go by what is written. Only after a try is known
to have failed is there a next one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from blocks.contracts import Conflict, NoCapacity, NotFound, ProviderError, QuotaExceeded
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.ec2.calls import (
    client_token,
    to_create_fleet,
    to_create_launch_template,
    to_run_instances,
)
from blocks.providers.aws.ec2.errors import explain, meaning
from blocks.providers.aws.ec2.record import Record, launch_name, launches

_NONE_NOW = (NoCapacity, QuotaExceeded)  # nothing was started, and later there may be one


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A machine that a job got."""

    instance: str
    machine: str
    at: datetime
    zone: str = ""


class Launcher:
    """Launches the machine of one job."""

    def __init__(self, account: AwsAccount, record: Record, name: str, token: str) -> None:
        self._account, self._record, self._name = account, record, name
        self._ec2 = account.client("ec2")
        self._tags = account.tags(token=token)

    def launch(self, job: Mapping[str, Any], tried: int) -> Launched:
        """Return the machine of a try. Raises NoCapacity or QuotaExceeded if there is none."""
        try:
            told = self._made(job, client_token(self._name, tried))
        except (ClientError, BotoCoreError) as error:
            told = self._failed(error, tried)
        self._forget_template(job)
        written = self._record.write_once(launch_name(tried), told)
        if "instance" not in written and "instance" in told:
            # Somebody was told that there was no machine, wrote that down, and may have tried
            # again by now. What was started after that must not stay.
            self._ec2.terminate_instances(InstanceIds=[told["instance"]])
        if "instance" not in written:
            raise meaning(written["code"], written["message"]) or NoCapacity(written["message"])
        return launched(written)

    def _made(self, job: Mapping[str, Any], token: str) -> dict[str, Any]:
        """Make the call; a connection that was cut is tried once more under the same token."""
        start = self._run if len(job["choices"]) == 1 else self._fleet
        try:
            return start(job, token)
        except BotoCoreError:
            return start(job, token)

    def _run(self, job: Mapping[str, Any], token: str) -> dict[str, Any]:
        answer = self._ec2.run_instances(**to_run_instances(job, token))
        [instance] = answer["Instances"]
        return _told(instance)

    def _fleet(self, job: Mapping[str, Any], token: str) -> dict[str, Any]:
        template = self._template(job)
        call = to_create_fleet(job, token, template=template, tags=self._tags)
        answer = self._ec2.create_fleet(**call)
        if not answer["Instances"]:
            return _shortage(answer["Errors"])
        [made] = answer["Instances"]
        return {
            "instance": made["InstanceIds"][0],
            "machine": made["InstanceType"],
            "at": _answered(answer),
            "zone": made["LaunchTemplateAndOverrides"]["Overrides"].get("AvailabilityZone", ""),
        }

    def _template(self, job: Mapping[str, Any]) -> str:
        call = to_create_launch_template(job, self._name, tags=self._tags)
        try:
            self._ec2.create_launch_template(**call)
        except ClientError as error:
            if not isinstance(explain(error), Conflict):
                raise
        return self._name

    def _forget_template(self, job: Mapping[str, Any]) -> None:
        """Remove the template; one that stays, because this process dies, is swept by tag."""
        if len(job["choices"]) > 1:
            with contextlib.suppress(ClientError):
                self._ec2.delete_launch_template(LaunchTemplateName=self._name)

    def _failed(self, error: Exception, tried: int) -> dict[str, Any]:
        """Return what to write of a try that failed for good; else raise, it may be repeated."""
        known = explain(error)
        if isinstance(known, _NONE_NOW):
            return {"code": known.code, "message": str(known)}
        written = self._record.read(launch_name(tried))
        if written is not None:  # somebody else was told what came of it
            return written
        raise error


def current(record: Record, names: list[str]) -> Launched | None:
    """Return the machine that a job got, if it got one."""
    tries = launches(names)
    found = record.read(tries[-1]) if tries else None
    return launched(found) if found and "instance" in found else None


def launched(told: Mapping[str, Any]) -> Launched:
    """Return the machine that a file tells of."""
    return Launched(
        instance=told["instance"],
        machine=told["machine"],
        at=datetime.fromisoformat(told["at"]),
        zone=told.get("zone", ""),
    )


def _told(instance: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "instance": instance["InstanceId"],
        "machine": instance["InstanceType"],
        "at": instance["LaunchTime"].isoformat(),
        "zone": instance["Placement"]["AvailabilityZone"],
    }


def _answered(answer: Mapping[str, Any]) -> str:
    """Return the moment of an answer: a fleet does not tell when its machine was launched."""
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).isoformat()


def _shortage(errors: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what to write of a fleet that found nothing. Raises what was wrong with the call."""
    for each in errors:
        known: ProviderError | None = meaning(each["ErrorCode"], each["ErrorMessage"])
        if known is None or not isinstance(known, _NONE_NOW):
            raise known or NotFound(each["ErrorMessage"], code=each["ErrorCode"])
    return {"code": errors[0]["ErrorCode"], "message": errors[0]["ErrorMessage"]}
