"""Everything of ours in an account and region of SageMaker, by its name and its owner's tag."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Conflict,
    Denied,
    Inventory,
    Machines,
    OperationRef,
    ProviderError,
    Resource,
    Unavailable,
)
from blocks.providers.aws.account import OWNER_TAG, AwsAccount
from blocks.providers.aws.backlog_scaling import BacklogScaling
from blocks.providers.aws.batch import SageMakerBatch
from blocks.providers.aws.errors import code_of, explain
from blocks.providers.aws.lookup import READS, UNKNOWN, Described, is_name, look_for
from blocks.providers.aws.processing import SageMakerProcessing
from blocks.providers.aws.processing_calls import machine_of, outputs_of
from blocks.providers.aws.processing_jobs import runs_a_command
from blocks.providers.aws.training import SageMakerTraining
from blocks.providers.aws.training_calls import machines_of
from blocks.providers.aws.transform.jobs import is_of_transform
from blocks.providers.aws.waking_alarms import ALARM, WakingAlarms, resources
from blocks.providers.aws.wanted import WantedEndpoints
from blocks.providers.aws.watching import SageMakerModelMonitor

_STOPS_WITHIN = 180.0  # seconds; a container may take two minutes after it was told
_LOOK_EVERY = 0.5


class _Busy(Conflict):
    """Something else uses it, or it changes just now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of thing: how SageMaker lists it, and when it computes or bills."""

    kind: str
    noun: str  # as in list_<noun>s, describe_<noun>, delete_<noun>
    word: str  # as in <Word>Name, <Word>Arn, <Word>Status
    listed: str  # the member of the answer that holds the list
    idle: frozenset[str] | None  # states in which it does not compute; None: it never does
    summary: str = ""  # what a list has in place of the word, where it differs

    def runs(self, told: Mapping[str, Any]) -> bool:
        """Whether it computes or bills."""
        return self.idle is not None and told[f"{self.word}Status"] not in self.idle


_DONE = frozenset({"Completed", "Failed", "Stopped"})
# In the order in which they may be removed: nothing before what uses it.
KINDS = (
    Kind(
        kind="monitoring-schedule",
        noun="monitoring_schedule",
        word="MonitoringSchedule",
        listed="MonitoringScheduleSummaries",
        idle=frozenset({"Failed", "Stopped"}),
    ),
    Kind(
        kind="monitoring-definition",
        noun="data_quality_job_definition",
        word="JobDefinition",
        summary="MonitoringJobDefinition",
        listed="JobDefinitionSummaries",
        idle=None,
    ),
    Kind(
        kind="training-job",
        noun="training_job",
        word="TrainingJob",
        listed="TrainingJobSummaries",
        idle=_DONE,
    ),
    Kind(
        kind="batch-job",
        noun="processing_job",
        word="ProcessingJob",
        listed="ProcessingJobSummaries",
        idle=_DONE,
    ),
    Kind(
        kind="inference-component",
        noun="inference_component",
        word="InferenceComponent",
        listed="InferenceComponents",
        idle=frozenset({"Failed", "Deleting"}),
    ),
    Kind(
        kind="endpoint",
        noun="endpoint",
        word="Endpoint",
        listed="Endpoints",
        idle=frozenset({"Failed", "Deleting"}),
    ),
    Kind(
        kind="endpoint-config",
        noun="endpoint_config",
        word="EndpointConfig",
        listed="EndpointConfigs",
        idle=None,
    ),
    Kind(kind="model", noun="model", word="Model", listed="Models", idle=None),
    Kind(
        kind="feature-group",
        noun="feature_group",
        word="FeatureGroup",
        listed="FeatureGroupSummaries",
        idle=None,
    ),
)
_JOBS: Mapping[str, type[SageMakerTraining | SageMakerBatch | SageMakerProcessing]] = {
    "training-job": SageMakerTraining,
    "batch-job": SageMakerBatch,
    "processing-job": SageMakerProcessing,
}
_BATCH = next(kind for kind in KINDS if kind.kind == "batch-job")
_BY_NAME = {
    **{kind.kind: kind for kind in KINDS},
    "processing-job": replace(_BATCH, kind="processing-job"),  # SageMaker has one list for both
}


class AwsInventory(Block, Inventory):
    """Lists and stops what was started under this owner; objects, models and reports stay."""

    _block_type_name = "AWS inventory"
    _block_type_slug = "aws-inventory"

    provider: ClassVar[str] = "aws"

    account: AwsAccount = Field(default_factory=AwsAccount, description="Whose things are listed.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _owned(self) -> Iterator[Resource]:
        alarms = WakingAlarms(self.account).there()  # before endpoints: none is older than its own
        endpoints = set[str]()
        for kind in KINDS:
            pages = self._sagemaker.get_paginator(f"list_{kind.noun}s")
            for page in pages.paginate(NameContains=self.account.named("")):
                for told in page[kind.listed]:
                    if kind.kind == "model" and is_of_transform(self.account, told["ModelName"]):
                        continue  # the inventory of transform jobs has it
                    found = self._resource(kind, told)
                    endpoints |= {found.id} if found.kind == "endpoint" else set()
                    yield self._detailed(found) if found.running else found
        yield from resources(alarms, endpoints)

    def _resource(self, kind: Kind, told: Mapping[str, Any]) -> Resource:
        name = told[f"{kind.summary or kind.word}Name"]
        if kind is _BATCH and runs_a_command(self.account, name):
            kind = _BY_NAME["processing-job"]
        return Resource(
            kind=kind.kind,
            id=name,
            name=name,
            created=told["CreationTime"],
            running=kind.runs(told),
            detail=str(told.get(f"{kind.word}Status", "")),
        )

    def _detailed(self, resource: Resource) -> Resource:
        """Add what it runs on and whose it is: a list of SageMaker's tells neither."""
        details: dict[str, Any] = {}
        if resource.kind == "training-job":
            job = self._described(_BY_NAME["training-job"], resource.id)
            if job is not None:
                details["output_uri"] = job["OutputDataConfig"]["S3OutputPath"]
                details["machines"] = (machines_of(job),)
        elif resource.kind == "batch-job":
            asked = SageMakerBatch(account=self.account).request_of(resource.id)
            if asked is not None:
                machines = Machines(machine=asked.machine, spot=asked.spot)
                details.update(output_uri=asked.output_uri, machines=(machines,))
        elif resource.kind == "processing-job":
            job = self._described(_BY_NAME["processing-job"], resource.id)
            if job is not None:
                details["output_uri"] = min(outputs_of(job).values())
                details["machines"] = (Machines(machine=machine_of(job)),)
        elif resource.kind == "endpoint":
            details["endpoint"] = name = resource.id.removeprefix(self.account.named(""))
            requests = WantedEndpoints(self.account).requests(name)
            details["machines"] = tuple(
                Machines(machine=each.machine, count=each.min_replicas, variant=each.variant)
                for each in requests
            )
        return resource.model_copy(update=details)

    def _remove(self, resource: Resource) -> None:
        kind, name = _BY_NAME.get(resource.kind), resource.id
        if resource.kind == ALARM:
            if not WakingAlarms(self.account).remove(name):
                raise _denied(resource, self.account.owner)
            return
        if kind is None or not is_name(name):
            raise _denied(resource, self.account.owner)
        told = self._described(kind, name)
        if told is None:
            return
        tags = self._sagemaker.list_tags(ResourceArn=told[f"{kind.word}Arn"])["Tags"]
        if {"Key": OWNER_TAG, "Value": self.account.owner} not in tags:
            raise _denied(resource, self.account.owner)
        if kind.kind in _JOBS:
            self._stop(kind, name)
        elif kind.kind == "endpoint":
            self._take_down(name)
        elif kind.kind == "inference-component":
            self._delete(kind, name)
            self._until(kind, name, lambda told: False)
        elif kind.kind == "monitoring-schedule":
            self._unwatch(kind, name)
        else:
            self._delete(kind, name)

    def _stop(self, kind: Kind, name: str) -> None:
        """Stop a job and see that it stops. Raises Unavailable if it does not in time."""
        jobs = _JOBS[kind.kind](account=self.account)
        jobs.cancel(
            OperationRef(provider=self.provider, capability=jobs.capability, id=name, token="")
        )
        self._until(kind, name, lambda told: not kind.runs(told))

    def _take_down(self, name: str) -> None:
        """Want nothing of an endpoint any more; one that nobody wants is an orphan and goes.

        Returns when it is gone: its configuration cannot go before.
        """
        kind = _BY_NAME["endpoint"]
        WantedEndpoints(self.account).take_down(name.removeprefix(self.account.named("")))

        def gone(told: Described) -> bool:
            with contextlib.suppress(_Busy):  # it goes already, or it changes and can go after that
                self._delete(kind, name)
            return False

        self._until(kind, name, gone)
        BacklogScaling(self.account).end(name)

    def _unwatch(self, kind: Kind, name: str) -> None:
        """Stop a schedule; one that nobody knows is an orphan and goes."""
        watching = SageMakerModelMonitor(account=self.account)
        watching.take_down(name.removeprefix(self.account.named("")))
        self._delete(kind, name)

    def _delete(self, kind: Kind, name: str) -> None:
        """Delete it; gone is fine. Raises _Busy if SageMaker refuses and it is still there."""
        try:
            getattr(self._sagemaker, f"delete_{kind.noun}")(**{f"{kind.word}Name": name})
        except ClientError as error:
            if code_of(error) not in UNKNOWN:
                raise
            if self._described(kind, name) is not None:
                raise _Busy(f"{kind.kind} {name} is in use: {error}", code="IN_USE") from error

    def _until(self, kind: Kind, name: str, fine: Callable[[Described], bool]) -> None:
        """Wait until it is gone, or fine. Raises Unavailable if it is not in time."""
        end = time.monotonic() + _STOPS_WITHIN
        while (told := self._described(kind, name)) is not None and not fine(told):
            if time.monotonic() > end:
                state = told[f"{kind.word}Status"]
                raise Unavailable(f"{kind.kind} {name} is still {state}", code="STILL_RUNNING")
            time.sleep(_LOOK_EVERY)

    def _described(self, kind: Kind, name: str) -> Described | None:
        describe = getattr(self._sagemaker, f"describe_{kind.noun}")
        return look_for(describe, f"{kind.word}Name", name, patient=False)

    @property
    def _sagemaker(self) -> Any:
        return self.account.client("sagemaker", attempts=READS)


def _denied(resource: Resource, owner: str) -> Denied:
    return Denied(
        f"{resource.kind} {resource.id!r} does not carry the tag {OWNER_TAG}={owner}; "
        "remove it where it belongs",
        code="NOT_OURS",
    )
