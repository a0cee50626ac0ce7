"""Endpoints on Databricks Model Serving: several served models behind one address."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

import requests
from databricks.sdk.errors.base import DatabricksError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.documents import Documents
from blocks.cloud.numbered import Numbered
from blocks.cloud.variants import differs
from blocks.contracts import (
    Conflict,
    EndpointFeatures,
    Endpoints,
    Failure,
    NotFound,
    OperationRef,
    OperationStatus,
    Phase,
    Prediction,
    ProviderError,
    Traffic,
    Unavailable,
    Variant,
    VariantRequest,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.asking import Caller
from blocks.providers.databricks.endpoint_calls import (
    MOST,
    Surroundings,
    from_served_entity,
    is_ready,
    require_servable,
    served_in,
    to_traffic,
)
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.splitting import busy, in_force, is_over, wish
from blocks.providers.databricks.steering import Seen, Steering
from blocks.providers.databricks.unity import UnityVersions
from blocks.providers.databricks.volumes import Volumes
from blocks.providers.databricks.wanted import Wanted, WantedVariant, wishes

CAPTURES_EVERY = "BLUEWATER_DATABRICKS_CAPTURE_EVERY"
COUNTS_EVERY = "BLUEWATER_DATABRICKS_TICKS_EVERY"
POLL_AFTER = timedelta(seconds=15)  # between two looks at a deployment: it takes minutes
_LOOK_EVERY, _LOOK_AT_MOST = 0.05, 5.0  # seconds, at first and at last


class DatabricksEndpoints(Block, Endpoints):
    """Serves models with Databricks Model Serving.

    Databricks takes no images of ours. What it serves is a copy of the registered model with our
    part around it, which checks requests, counts them and keeps some, as our servers do elsewhere.

    What is wanted is kept in the workspace's volume; every look takes the endpoint a step nearer to
    that, so that whoever dies on the way, the next one goes on. Databricks takes one change at a
    time: a move of traffic waits for a deployment that goes on.
    """

    _block_type_name = "Databricks endpoints"
    _block_type_slug = "databricks-endpoints"

    provider: ClassVar[str] = "databricks"
    features: ClassVar[EndpointFeatures] = EndpointFeatures(
        weights=True,
        mirror=False,  # Databricks copies no requests
        capture=True,
        direct=True,
        sticky=False,  # a model sees no headers
        autoscaling=False,
        scale_to_zero=True,
        alarm_rollback=False,
        max_payload_bytes=MOST,
    )

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Where and as whom."
    )
    identity: Mapping[str, str] = Field(
        default={"DATABRICKS_CLIENT_ID": "client-id", "DATABRICKS_CLIENT_SECRET": "client-secret"},
        description="Variables by which a served model may write to the volume, since it has no "
        "identity of its own: each with the key of its value in the workspace's secret scope.",
    )
    apply_within: float = Field(
        default=300.0, description="Seconds that a move of traffic waits until it is in force."
    )
    capture_every: float = Field(
        default_factory=lambda: float(os.environ.get(CAPTURES_EVERY, "30")),
        description="Seconds between two files of captured requests.",
    )
    ticks_every: float = Field(
        default_factory=lambda: float(os.environ.get(COUNTS_EVERY, "10")),
        description="Seconds between two files of counts; the monitor waits longer.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _deploy(self, request: VariantRequest, token: str) -> OperationRef:
        require_servable(request)
        after = self._wishes.change(request.endpoint, lambda now: _with(now, request, token))
        try:
            self._steering.look(request.endpoint)
        except (DatabricksError, ProviderError) as error:
            self._take_back(after.variants[request.variant], error)
            raise
        return OperationRef(
            provider=self.provider,
            capability=self.capability,
            id=f"{request.endpoint}/{request.variant}",
            token=after.variants[request.variant].token,
            scope={"host": self.account.host},
        )

    def _status(self, ref: OperationRef) -> OperationStatus[Variant]:
        endpoint, _, name = ref.id.partition("/")
        seen = self._steering.look(endpoint)
        if seen is None:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        wanted = seen.wanted.staying().get(name)
        if wanted is None or wanted.token != ref.token:
            return OperationStatus[Variant](phase=Phase.CANCELLED)
        if wanted.failure:
            failure = Failure(code="NEVER_READY", message=wanted.failure)
            return OperationStatus[Variant](phase=Phase.FAILED, failure=failure)
        there = served_in(seen.endpoint, wanted)
        if is_ready(there):
            result = self._variant(seen, wanted)
            return OperationStatus[Variant](phase=Phase.SUCCEEDED, result=result)
        going = there is not None or self._steering.is_being_served(seen, wanted)
        phase = Phase.RUNNING if going else Phase.QUEUED
        return OperationStatus[Variant](phase=phase, poll_after=POLL_AFTER)

    def _variants(self, endpoint: str) -> Sequence[Variant]:
        seen = self._steering.look(endpoint)
        if seen is None:
            return []
        return [self._variant(seen, each) for each in seen.wanted.staying().values()]

    def _traffic(self, endpoint: str) -> Traffic:
        wanted = self._wishes.read(endpoint)
        return to_traffic(wanted, self._steering.describe(endpoint))

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        shares = {name: share for name, share in to.percent.items() if share}
        seen = self._steering.look(endpoint)
        word = wish(self._wishes, seen, endpoint, shares, etag=etag)
        after = self._await(endpoint, lambda seen: is_over(seen, word))
        return in_force(after, endpoint, word)

    def _retire(self, endpoint: str, variant: str) -> None:
        if self._wishes.read(endpoint) is None:
            return
        if self._traffic(endpoint).percent.get(variant):
            raise busy(endpoint, variant)

        def how(now: Wanted) -> Wanted:
            if now.moving and now.moving.percent.get(variant):
                raise busy(endpoint, variant)
            return _leaving(now, [variant])

        self._wishes.change(endpoint, how)
        self._steering.look(endpoint)

    def take_down(self, endpoint: str) -> None:
        """Want nothing of an endpoint any more, whoever has traffic; gone is fine."""
        if self._wishes.read(endpoint) is None:
            return
        self._wishes.change(endpoint, lambda now: _leaving(now, list(now.variants)))
        self._await(endpoint, lambda seen: seen.endpoint is None and not seen.wanted.variants)

    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        return self._caller.ask(endpoint, payload, variant)

    def _await(self, endpoint: str, enough: Callable[[Seen], bool]) -> Seen | None:
        """Look until it is so. Raises Unavailable: it is written down, and a look goes on."""
        end, pause = time.monotonic() + self.apply_within, _LOOK_EVERY
        while True:
            over, seen = self._glance(endpoint, enough)
            if over:
                return seen
            if time.monotonic() + pause > end:
                raise Unavailable(
                    f"the change of {endpoint!r} is written down and not yet in force",
                    code="NOT_APPLIED",
                    retry_after=POLL_AFTER,
                )
            time.sleep(pause)
            pause = min(2 * pause, _LOOK_AT_MOST)

    def _glance(self, endpoint: str, enough: Callable[[Seen], bool]) -> tuple[bool, Seen | None]:
        """Look once, and tell whether that is enough; what may pass is none of our business."""
        try:
            seen = self._steering.look(endpoint)
        except (DatabricksError, requests.RequestException) as error:
            known = explain(error)
            if known is None or not known.retryable:
                raise
            return False, None
        return seen is None or enough(seen), seen

    def _variant(self, seen: Seen, wanted: WantedVariant) -> Variant:
        there = served_in(seen.endpoint, wanted)
        return from_served_entity(wanted, there, url=self._caller.url(wanted.request.endpoint))

    def _take_back(self, variant: WantedVariant, error: Exception) -> None:
        """Want a variant no more that was refused; what may pass is tried again by a look."""
        known = error if isinstance(error, ProviderError) else explain(error)
        if known is None or known.retryable or isinstance(known, Conflict):
            return
        endpoint = variant.request.endpoint
        self._wishes.change(endpoint, lambda now: _leaving(now, [variant.request.variant]))

    def requests(self, endpoint: str) -> Sequence[VariantRequest]:
        """Return what was asked for an endpoint and is still wanted."""
        found = self._wishes.read(endpoint)
        return [each.request for each in found.staying().values()] if found else []

    @cached_property
    def _volumes(self) -> Volumes:
        return Volumes(self.account)

    @cached_property
    def _wishes(self) -> Documents[Wanted]:
        return wishes(Numbered(self._volumes), f"{self.account.root}/endpoints")

    @cached_property
    def _steering(self) -> Steering:
        root, scope = self.account.root, self.account.scope
        secrets = {name: f"{{{{secrets/{scope}/{key}}}}}" for name, key in self.identity.items()}
        return Steering(
            account=self.account,
            wishes=self._wishes,
            versions=UnityVersions(self.account, Numbered(self._volumes)),
            bucket=self._volumes,
            surroundings=Surroundings(
                captures=f"{root}/captures",
                ticks=f"{root}/ticks",
                capture_every=self.capture_every,
                ticks_every=self.ticks_every,
                identity={"DATABRICKS_HOST": self.account.host, **secrets},
            ),
        )

    @cached_property
    def _caller(self) -> Caller:
        return Caller(self.account)


def _with(now: Wanted, request: VariantRequest, token: str) -> Wanted:
    """Return what is wanted with a variant more. Raises Conflict where its name is taken."""
    known = now.variants.get(request.variant)
    if known is None:
        return now.put(WantedVariant(request=request, token=token, word=uuid.uuid4().hex))
    if known.leaving:
        raise Unavailable(
            f"variant {request.variant!r} of {request.endpoint!r} is being taken down; ask again",
            code="LEAVING",
            retry_after=POLL_AFTER,
        )
    if known.request != request:
        raise differs(known.request, request)
    return now


def _leaving(now: Wanted, names: Sequence[str]) -> Wanted:
    found = [now.variants[name] for name in names if name in now.staying()]
    for variant in found:
        now = now.put(variant.model_copy(update={"leaving": True}))
    return now
