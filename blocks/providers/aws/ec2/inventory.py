"""Everything of this owner on EC2: jobs with their machines, and what a crash left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Denied,
    Inventory,
    Machines,
    NotFound,
    OperationRef,
    ProviderError,
    Resource,
)
from blocks.providers.aws.account import OWNER_TAG, TOKEN_TAG, AwsAccount
from blocks.providers.aws.ec2.errors import explain
from blocks.providers.aws.ec2.record import Record, launches, listed
from blocks.providers.aws.ec2.training import Ec2Training
from blocks.providers.aws.lookup import READS
from blocks.workload.instance.plan import ENDED, ORDER
from blocks.workload.instance.plan import JOB as ORDERED

JOB, INSTANCE, TEMPLATE = "training-job", "instance", "launch-template"
_BILLED = ("pending", "running")  # a machine that shuts down is not billed any more
_ID = re.compile(r"[a-z0-9-]+")


class Ec2Inventory(Block, Inventory):
    """Lists and ends what carries the owner's tag on EC2; data, models and records stay."""

    _block_type_name = "EC2 inventory"
    _block_type_slug = "aws-ec2-inventory"

    provider: ClassVar[str] = "aws-ec2"

    account: AwsAccount = Field(default_factory=AwsAccount, description="Whose things are listed.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _owned(self) -> Iterator[Resource]:
        alive, known = {_tag(each, TOKEN_TAG): each for each in self._instances()}, set[str]()
        for name, created, files in listed(self.account):
            token = name.rpartition("-")[2]
            known.add(token)
            job = _resource(JOB, name, created, running=token in alive, detail=_detail(files))
            if token in alive:
                job = job.model_copy(
                    update={
                        "machines": (_machines(alive[token]),),
                        "output_uri": self._output_of(name),
                    }
                )
            yield job
        for token, each in alive.items():
            if token not in known:
                lost = _resource(
                    INSTANCE,
                    each["InstanceId"],
                    each["LaunchTime"],
                    running=True,
                    detail=each["InstanceType"],
                )
                yield lost.model_copy(update={"machines": (_machines(each),)})
        for each in self._templates():
            yield _resource(TEMPLATE, each["LaunchTemplateName"], each["CreateTime"], running=False)

    def _output_of(self, name: str) -> str:
        job = Record(self.account, name).read(ORDERED)
        return str(job["plan"]["output_uri"]) if job else ""

    def _remove(self, resource: Resource) -> None:
        kind, id_ = resource.kind, resource.id
        removers = {JOB: self._end_job, INSTANCE: self._end_instance, TEMPLATE: self._drop}
        if kind not in removers or not _ID.fullmatch(id_):
            raise _foreign(resource)
        removers[kind](resource)

    def _end_job(self, resource: Resource) -> None:
        if resource.id.startswith("bluewater-") and not self._is_ours(resource.id):
            raise _foreign(resource)
        jobs = Ec2Training(account=self.account)
        token = resource.id.rpartition("-")[2]
        jobs.cancel(
            OperationRef(
                provider=self.provider, capability=jobs.capability, id=resource.id, token=token
            )
        )

    def _end_instance(self, resource: Resource) -> None:
        with _gone_is_fine():
            answer = self._ec2.describe_instances(InstanceIds=[resource.id])
            found = [each for group in answer["Reservations"] for each in group["Instances"]]
            if any(_tag(each, OWNER_TAG) != self.account.owner for each in found):
                raise _foreign(resource)
            self._ec2.terminate_instances(InstanceIds=[resource.id])

    def _drop(self, resource: Resource) -> None:
        if not self._is_ours(resource.id):
            raise _foreign(resource)
        with _gone_is_fine():
            self._ec2.delete_launch_template(LaunchTemplateName=resource.id)

    @property
    def _ec2(self) -> Any:
        return self.account.client("ec2", attempts=READS)

    def _is_ours(self, name: str) -> bool:
        return name.startswith(self.account.named(""))

    def _instances(self) -> Iterator[Mapping[str, Any]]:
        """Yield the machines of this owner that are billed."""
        mine = {"Name": f"tag:{OWNER_TAG}", "Values": [self.account.owner]}
        billed = {"Name": "instance-state-name", "Values": list(_BILLED)}
        pages = self._ec2.get_paginator("describe_instances").paginate(Filters=[mine, billed])
        for page in pages:
            for group in page["Reservations"]:
                yield from group["Instances"]

    def _templates(self) -> Iterator[Mapping[str, Any]]:
        mine = {"Name": f"tag:{OWNER_TAG}", "Values": [self.account.owner]}
        pages = self._ec2.get_paginator("describe_launch_templates").paginate(Filters=[mine])
        for page in pages:
            yield from page["LaunchTemplates"]


@contextmanager
def _gone_is_fine() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if not isinstance(explain(error), NotFound):
            raise


def _detail(files: list[str]) -> str:
    if ORDER in files:
        return "ordered to end"
    if ENDED in files:
        return "ended"
    return "" if launches(files) else "no machine yet"


def _resource(
    kind: str, id_: str, created: datetime, *, running: bool, detail: str = ""
) -> Resource:
    return Resource(kind=kind, id=id_, name=id_, created=created, running=running, detail=detail)


def _machines(instance: Mapping[str, Any]) -> Machines:
    spot = instance.get("InstanceLifecycle") == "spot"
    return Machines(machine=instance["InstanceType"], spot=spot)


def _tag(thing: Mapping[str, Any], key: str) -> str:
    return next((each["Value"] for each in thing.get("Tags", ()) if each["Key"] == key), "")


def _foreign(resource: Resource) -> Denied:
    return Denied(
        f"{resource.kind} {resource.id!r} does not carry our owner tag; remove it where it belongs",
        code="NOT_OURS",
    )
