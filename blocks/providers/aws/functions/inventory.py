"""Every function of this owner, by its name and its tag."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.contracts import Denied, Inventory, Machines, NotFound, ProviderError, Resource
from blocks.providers.aws.account import OWNER_TAG, AwsAccount
from blocks.providers.aws.functions.calls import from_configuration
from blocks.providers.aws.functions.errors import explain, means
from blocks.providers.aws.lookup import READS

KIND = "endpoint"
_ID = re.compile(r"[a-zA-Z0-9-_]{1,64}")


class LambdaInventory(Block, Inventory):
    """Lists and deletes the functions of this owner; images, models and logs stay."""

    _block_type_name = "Lambda inventory"
    _block_type_slug = "aws-lambda-inventory"

    provider: ClassVar[str] = "aws-lambda"

    account: AwsAccount = Field(default_factory=AwsAccount, description="Whose things are listed.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _owned(self) -> Iterator[Resource]:
        for page in self._lambda.get_paginator("list_functions").paginate():
            for told in page["Functions"]:
                if told["FunctionName"].startswith(self.account.named("")):
                    yield self._resource(told)

    def _remove(self, resource: Resource) -> None:
        if resource.kind != KIND or not _ID.fullmatch(resource.id):
            raise self._foreign(resource)
        try:
            told = self._lambda.get_function(FunctionName=resource.id)
            if told.get("Tags", {}).get(OWNER_TAG) != self.account.owner:
                raise self._foreign(resource)
            self._lambda.delete_function(FunctionName=resource.id)
        except ClientError as error:
            if not means(error, NotFound):
                raise

    def _resource(self, told: Mapping[str, Any]) -> Resource:
        """Return a function as a resource; it bills while environments are kept ready for it."""
        name = str(told["FunctionName"])
        pages = self._lambda.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        found = [from_configuration(each) for page in pages for each in page["Versions"]]
        served = [each for each in found if each is not None and each.number]
        return Resource(
            kind=KIND,
            id=name,
            name=name,
            created=datetime.fromisoformat(told["LastModified"]),
            running=any(each.request.min_replicas for each in served),
            detail=", ".join(sorted(each.request.variant for each in served)),
            machines=tuple(
                Machines(
                    machine=each.request.machine,
                    count=each.request.min_replicas,
                    variant=each.request.variant,
                )
                for each in served
            ),
            endpoint=name.removeprefix(self.account.named("")),
        )

    def _foreign(self, resource: Resource) -> Denied:
        return Denied(
            f"{resource.kind} {resource.id!r} does not carry the tag "
            f"{OWNER_TAG}={self.account.owner}; remove it where it belongs",
            code="NOT_OURS",
        )

    @property
    def _lambda(self) -> Any:
        return self.account.client("lambda", attempts=READS)
