"""Endpoints on Databricks Model Serving: several served models behind one address."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar, Literal

import requests
from databricks.sdk.errors.base import DatabricksError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.documents import Documents
from blocks.cloud.numbered import Numbered
from blocks.cloud.steered import SteeredEndpoints
from blocks.contracts import (
    EndpointFeatures,
    InvalidRequest,
    Phase,
    Prediction,
    ProviderError,
    Traffic,
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
    is_scaled,
    require_servable,
    served_in,
    to_traffic,
)
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.gateway import is_switched_off
from blocks.providers.databricks.splitting import busy, in_force, is_over, wish
from blocks.providers.databricks.steering import Seen, Steering
from blocks.providers.databricks.unity import UnityVersions
from blocks.providers.databricks.volumes import Volumes
from blocks.providers.databricks.wanted import Wanted, WantedVariant, wishes

CAPTURES_EVERY = "BLUEWATER_DATABRICKS_CAPTURE_EVERY"
COUNTS_EVERY = "BLUEWATER_DATABRICKS_TICKS_EVERY"


class DatabricksEndpoints(Block, SteeredEndpoints[Seen]):
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
    look_every: ClassVar[float] = 0.05
    features: ClassVar[EndpointFeatures] = EndpointFeatures(
        scheme="dbfs",
        weights=True,
        mirror=False,  # Databricks copies no requests
        capture=True,
        direct=True,
        sticky=False,  # a model sees no headers
        autoscaling=True,  # the service's own, by provisioned concurrency
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
    captures: Literal["files", "table"] = Field(
        default="files",
        description="Where captured requests are kept: in files that the model itself writes "
        "within seconds, or in an inference table of Unity Catalog, which Databricks fills within "
        "the hour with all requests, and which, once switched off, is never written to again.",
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

    def _look(self, endpoint: str) -> Seen | None:
        return self._steering.look(endpoint)

    def _want(self, request: VariantRequest, token: str) -> WantedVariant:
        require_servable(request)
        table = self.captures == "table"
        if table:
            self._require_table(request)
        return WantedVariant(request=request, token=token, word=uuid.uuid4().hex, table=table)

    def _require_table(self, request: VariantRequest) -> None:
        """Raise InvalidRequest where requests would not get into a table, or not as asked for."""
        if request.capture.sample != 1:
            raise InvalidRequest(
                "an inference table keeps all requests; set capture.sample=1, or captures='files' "
                "in the Databricks endpoints block",
                code="CAPTURE",
            )
        wanted = self._wishes.read(request.endpoint)
        there = self._steering.describe(request.endpoint) if wanted and wanted.table else None
        if there is not None and is_switched_off(there.ai_gateway):
            raise InvalidRequest(
                f"the inference table of {request.endpoint!r} was switched off, and Databricks "
                "writes to none again; take the endpoint down for one with a new table, or set "
                "captures='files' in the Databricks endpoints block",
                code="INFERENCE_TABLE",
            )

    def _scope(self) -> Mapping[str, str]:
        return {"host": self.account.host}

    def _stage(self, seen: Seen, wanted: WantedVariant) -> Phase:
        there = served_in(seen.endpoint, wanted)
        if is_ready(there):
            return Phase.SUCCEEDED
        going = there is not None or self._steering.is_being_served(seen, wanted)
        return Phase.RUNNING if going else Phase.QUEUED

    def _traffic(self, endpoint: str) -> Traffic:
        wanted = self._wishes.read(endpoint)
        return to_traffic(wanted, self._steering.describe(endpoint))

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        shares = {name: share for name, share in to.percent.items() if share}
        seen = self._look(endpoint)
        word = wish(self._wishes, seen, endpoint, shares, etag=etag)
        after = self._await(endpoint, lambda seen: is_over(seen, word), within=self.apply_within)
        return in_force(after, endpoint, word)

    def _retire(self, endpoint: str, variant: str) -> None:
        if self._wishes.read(endpoint) is None:
            return
        if self._traffic(endpoint).percent.get(variant):
            raise busy(endpoint, variant)

        def how(now: Wanted) -> Wanted:
            if now.moving and now.moving.percent.get(variant):
                raise busy(endpoint, variant)
            return now.released([variant])

        self._wishes.change(endpoint, how)
        self._look(endpoint)

    def take_down(self, endpoint: str) -> None:
        """Want nothing of an endpoint any more, whoever has traffic; gone is fine."""
        if self._wishes.read(endpoint) is None:
            return
        self._wishes.change(endpoint, lambda now: now.released(now.variants))
        self._await(
            endpoint,
            lambda seen: seen.endpoint is None and not seen.wanted.variants,
            within=self.apply_within,
        )

    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        return self._caller.ask(endpoint, payload, variant)

    def _glance(self, endpoint: str, enough: Callable[[Seen], bool]) -> tuple[bool, Seen | None]:
        """Look once, and tell whether that is enough; what may pass is none of our business."""
        try:
            return super()._glance(endpoint, enough)
        except (DatabricksError, requests.RequestException) as error:
            known = explain(error)
            if known is None or not known.retryable:
                raise
            return False, None

    def _variant(self, seen: Seen, wanted: WantedVariant) -> Variant:
        request, there = wanted.request, served_in(seen.endpoint, wanted)
        copies = None
        if is_scaled(request) and is_ready(there):
            copies = self._steering.copies(request.endpoint, request.variant)
        return from_served_entity(
            wanted, there, url=self._caller.url(request.endpoint), copies=copies
        )

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
