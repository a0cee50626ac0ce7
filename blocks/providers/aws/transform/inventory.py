"""Every transform job of this owner, and the models that were made for them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import (
    Denied,
    Inventory,
    Machines,
    ProviderError,
    Resource,
    Unavailable,
)
from blocks.providers.aws.account import OWNER_TAG, AwsAccount
from blocks.providers.aws.errors import explain
from blocks.providers.aws.lookup import READS, look_for
from blocks.providers.aws.transform.batch import SageMakerTransform
from blocks.providers.aws.transform.jobs import (
    OPEN,
    found_job,
    is_of_transform,
    job_name,
    remove_model,
    stop_job,
)

_JOB, _MODEL = "batch-job", "model"
_RUNNING = frozenset({OPEN, "Stopping"})
_STOPS_WITHIN = 180.0  # seconds; a container may take two minutes after it was told
_LOOK_EVERY = 0.5


class TransformInventory(Block, Inventory):
    """Lists and stops the transform jobs of this owner; data sets and predictions stay."""

    _block_type_name = "SageMaker batch transform inventory"
    _block_type_slug = "aws-transform-inventory"

    provider: ClassVar[str] = "aws-transform"

    account: AwsAccount = Field(default_factory=AwsAccount, description="Whose things are listed.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _owned(self) -> Iterator[Resource]:
        for told in self._listed("list_transform_jobs", "TransformJobSummaries"):
            yield self._job(told)
        for told in self._listed("list_models", "Models"):
            name = told["ModelName"]
            if is_of_transform(self.account, name):
                made = told["CreationTime"]
                yield Resource(kind=_MODEL, id=name, name=name, created=made, running=False)

    def _remove(self, resource: Resource) -> None:
        name = resource.id
        if not is_of_transform(self.account, name) or resource.kind not in (_JOB, _MODEL):
            raise self._foreign(resource)
        told = self._found(resource)
        if told is None:
            return
        word = "TransformJob" if resource.kind == _JOB else "Model"
        tags = self._sagemaker.list_tags(ResourceArn=told[f"{word}Arn"])["Tags"]
        if {"Key": OWNER_TAG, "Value": self.account.owner} not in tags:
            raise self._foreign(resource)
        if resource.kind == _MODEL:
            remove_model(self.account, name)
        elif told["TransformJobStatus"] in _RUNNING:
            self._stop(name, told["TransformJobStatus"])

    def _stop(self, name: str, status: str) -> None:
        """Stop a job and see that it stops. Raises Unavailable if it does not in time."""
        if status == OPEN:
            stop_job(self.account, name)
        end = time.monotonic() + _STOPS_WITHIN
        while (told := found_job(self.account, name)) and told["TransformJobStatus"] in _RUNNING:
            if time.monotonic() > end:
                raise Unavailable(f"transform job {name} still runs", code="STILL_RUNNING")
            time.sleep(_LOOK_EVERY)

    def _job(self, told: Mapping[str, Any]) -> Resource:
        name, status = told["TransformJobName"], told["TransformJobStatus"]
        found = Resource(
            kind=_JOB,
            id=name,
            name=name,
            created=told["CreationTime"],
            running=status in _RUNNING,
            detail=status,
        )
        record = SageMakerTransform(account=self.account).record_of(name) if found.running else None
        if record is None:
            return found
        asked = record.request
        details = {"output_uri": asked.output_uri, "machines": (Machines(machine=asked.machine),)}
        return found.model_copy(update=details)

    def _listed(self, operation: str, member: str) -> Iterator[Mapping[str, Any]]:
        mine = job_name(self.account, "")
        for page in self._sagemaker.get_paginator(operation).paginate(NameContains=mine):
            yield from page[member]

    def _found(self, resource: Resource) -> Mapping[str, Any] | None:
        if resource.kind == _JOB:
            return found_job(self.account, resource.id, patient=False)
        describe = self._sagemaker.describe_model
        return look_for(describe, "ModelName", resource.id, patient=False)

    def _foreign(self, resource: Resource) -> Denied:
        return Denied(
            f"{resource.kind} {resource.id!r} does not carry the tag "
            f"{OWNER_TAG}={self.account.owner}; remove it where it belongs",
            code="NOT_OURS",
        )

    @property
    def _sagemaker(self) -> Any:
        return self.account.client("sagemaker", attempts=READS)
