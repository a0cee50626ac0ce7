"""What a function serves, and the next step towards what was asked of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from blocks.contracts import Conflict, NotFound
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.functions.calls import LIVE, Deployed, from_configuration
from blocks.providers.aws.functions.errors import means
from blocks.providers.aws.functions.event import HttpRequest, from_answer, to_event
from blocks.providers.aws.lookup import READS

_READY = HttpRequest(method="GET", path="/ready", headers={}, body=b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A function as it is now."""

    revision: str  # of what is not published
    unpublished: Deployed | None
    published: Mapping[str, Deployed]  # by the names of their variants
    busy: bool  # it is being changed, and takes no other change

    @property
    def variants(self) -> Mapping[str, Deployed]:
        """All variants by name, with the one that is not published yet."""
        if self.pending is None:
            return self.published
        return {**self.published, self.pending.request.variant: self.pending}

    @property
    def pending(self) -> Deployed | None:
        """The variant that is still to be published."""
        tokens = {each.token for each in self.published.values()}
        new = self.unpublished is not None and self.unpublished.token not in tokens
        return self.unpublished if new else None


class Looks:
    """Looks at functions, and takes each a step further. Any process may, any time."""

    def __init__(self, account: AwsAccount) -> None:
        self._account = account
        self._read = account.client("lambda", attempts=READS)
        self._lambda = account.client("lambda")

    def look(self, endpoint: str) -> Seen | None:
        """Publish what waits for it, keep ready what is to be; return what is then there."""
        seen = self._seen(endpoint)
        if seen is not None and seen.pending is not None and seen.pending.active:
            self._publish(endpoint, seen, seen.pending)
            seen = self._seen(endpoint)
        return seen

    def readiness(self, endpoint: str, variant: Deployed) -> tuple[int, str]:
        """Return how many environments are ready, and why none ever will be.

        Where none is to be kept ready, the variant is asked once: that it answers is all there is.
        """
        if not variant.number or not variant.active:
            return 0, variant.failure
        if variant.request.min_replicas == 0:
            failure = self._cause(endpoint, variant)
            return (0, failure) if failure else (1, "")
        told = self._provisioned(endpoint, variant)
        if told["Status"] == "FAILED":
            return 0, self._cause(endpoint, variant) or str(told.get("StatusReason", ""))
        return int(told.get("AvailableProvisionedConcurrentExecutions", 0)), ""

    def alias(self, endpoint: str) -> Mapping[str, Any] | None:
        """Return the alias that callers ask; None before there was any traffic."""
        name = self._account.named(endpoint)
        try:
            found: Mapping[str, Any] = self._read.get_alias(FunctionName=name, Name=LIVE)
        except ClientError as error:
            if means(error, NotFound):
                return None
            raise
        return found

    def _seen(self, endpoint: str) -> Seen | None:
        try:
            versions = list(self._versions(self._account.named(endpoint)))
        except ClientError as error:
            if means(error, NotFound):
                return None
            raise
        [latest] = [each for each in versions if each["Version"] == "$LATEST"]
        found = [from_configuration(each) for each in versions if each is not latest]
        unpublished = from_configuration(latest)
        states = (latest.get("State", "Active"), latest.get("LastUpdateStatus", "Successful"))
        return Seen(
            revision=latest["RevisionId"],
            unpublished=unpublished,
            published={each.request.variant: each for each in found if each is not None},
            busy="Pending" in states or "InProgress" in states,
        )

    def _versions(self, name: str) -> Iterator[Mapping[str, Any]]:
        pages = self._read.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        for page in pages:
            yield from page["Versions"]

    def _publish(self, endpoint: str, seen: Seen, pending: Deployed) -> None:
        """Publish; whoever is second finds that it was done, or that there is something else."""
        try:
            self._lambda.publish_version(
                FunctionName=self._account.named(endpoint),
                Description=pending.request.variant,
                RevisionId=seen.revision,
            )
        except ClientError as error:
            if not means(error, Conflict):
                raise

    def _provisioned(self, endpoint: str, variant: Deployed) -> Mapping[str, Any]:
        """Return how many environments are kept ready; ask for them, if nobody did yet."""
        where = {"FunctionName": self._account.named(endpoint), "Qualifier": variant.number}
        try:
            found: Mapping[str, Any] = self._read.get_provisioned_concurrency_config(**where)
        except ClientError as error:
            if not means(error, NotFound):
                raise
            count = variant.request.min_replicas
            found = self._lambda.put_provisioned_concurrency_config(
                **where, ProvisionedConcurrentExecutions=count
            )
        return found

    def _cause(self, endpoint: str, variant: Deployed) -> str:
        """Ask a variant whether it is ready, and return why it is not."""
        name, number = self._account.named(endpoint), variant.number
        answer = self._lambda.invoke(FunctionName=name, Qualifier=number, Payload=to_event(_READY))
        content = answer["Payload"].read()
        if "FunctionError" in answer:
            told = json.loads(content)
            return f"{told.get('errorType')}: {told.get('errorMessage')}"
        status = from_answer(content).status
        return "" if status == 200 else f"its server answers {status}"
