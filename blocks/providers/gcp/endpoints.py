"""Endpoints of Vertex AI: a deployed model for each variant, and Vertex AI's own traffic split."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

from google.cloud.aiplatform_v1.types import Endpoint
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.documents import Documents
from blocks.cloud.steered import SteeredEndpoints
from blocks.cloud.wanted import Wanted, WantedVariant
from blocks.contracts import (
    Conflict,
    EndpointFeatures,
    InvalidRequest,
    Phase,
    Prediction,
    ProviderError,
    Traffic,
    Variant,
    VariantRequest,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.asking import Caller
from blocks.providers.gcp.endpoint_calls import (
    MOST,
    Resources,
    deployed_in,
    from_deployed_model,
    from_endpoint,
    require_loggable,
    require_servable,
)
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.images import serving_image
from blocks.providers.gcp.private_endpoints import (
    Private,
    address_of,
    attachment_of,
    is_private,
)
from blocks.providers.gcp.splitting import Split
from blocks.providers.gcp.steering import Seen, Steering
from blocks.providers.gcp.wanted import wishes


class VertexEndpoints(Block, SteeredEndpoints[Seen]):
    """Serves models with Vertex AI's dedicated endpoints.

    What is wanted is kept in the account's bucket; every look takes Vertex AI a step nearer to
    that, so that whoever dies on the way, the next one goes on. Traffic is split by Vertex AI
    alone: what somebody changes in the console is seen here.
    """

    _block_type_name = "Vertex AI endpoints"
    _block_type_slug = "gcp-endpoints"

    provider: ClassVar[str] = "gcp"
    features: ClassVar[EndpointFeatures] = EndpointFeatures(
        scheme="gs",
        weights=True,
        mirror=False,  # Vertex AI copies no requests
        capture=True,
        direct=False,  # nobody can ask one deployed model past the split
        sticky=False,
        autoscaling=True,
        scale_to_zero=False,
        alarm_rollback=False,
        max_payload_bytes=MOST,
    )

    account: GcpAccount = Field(default_factory=GcpAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image of the containers, with bluewater in it."
    )
    apply_within: float = Field(
        default=60.0, description="Seconds that taking an endpoint down waits until it is gone."
    )
    capture_every: float = Field(
        default=30.0, description="Seconds between two files of captured requests."
    )
    cpu_percent: int = Field(
        default=60, ge=1, le=100, description="Load of its processors at which a variant grows."
    )
    requests_a_minute: int | None = Field(
        default=None, ge=1, description="Requests of a replica at which a variant grows, too."
    )

    spot: bool = Field(
        default=False,
        description="Serve on spot machines: for less, and they may be taken without notice.",
    )
    log_requests_to: str = Field(
        default="",
        description="bq://PROJECT.DATASET.TABLE for Vertex AI's own log of requests and responses; "
        "of endpoints that are made while it is set. It goes nowhere but to BigQuery.",
    )

    private: Private | None = Field(
        default=None,
        description="Endpoints that are made while it is set have no public address, but one "
        "behind Private Service Connect.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _look(self, endpoint: str) -> Seen | None:
        return self._steering.look(endpoint)

    def _want(self, request: VariantRequest, token: str) -> WantedVariant:
        require_servable(request)
        require_loggable(self.log_requests_to)
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        return WantedVariant(request=request, token=token)

    def _scope(self) -> Mapping[str, str]:
        return {"project": self.account.project_id, "location": self.account.location}

    def _stage(self, seen: Seen, wanted: WantedVariant) -> Phase:
        deployed = deployed_in(seen.endpoint, wanted) is not None
        if deployed and self._variant(seen, wanted).ready_replicas >= wanted.request.min_replicas:
            return Phase.SUCCEEDED
        return Phase.RUNNING if deployed or wanted.operation else Phase.QUEUED

    def _traffic(self, endpoint: str) -> Traffic:
        return from_endpoint(self._steering.describe(endpoint))

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        shares = {name: share for name, share in to.percent.items() if share}
        seen = self._look(endpoint)
        ids = {name: self._ready(seen, name) for name in shares}
        split = {ids[name]: share for name, share in shares.items()}
        return self._split.move(endpoint, split, etag=etag, word=uuid.uuid4().hex[:12])

    def _retire(self, endpoint: str, variant: str) -> None:
        if self._wishes.read(endpoint) is None:
            return
        if self._traffic(endpoint).percent.get(variant):
            raise Conflict(
                f"variant {variant!r} of {endpoint!r} has traffic; move it away first",
                code="TRAFFIC",
            )
        self._wishes.change(endpoint, lambda now: now.released([variant]))
        self._look(endpoint)

    def take_down(self, endpoint: str) -> None:
        """Want nothing of an endpoint any more, whoever has traffic; gone is fine."""
        if self._wishes.read(endpoint) is None:
            return
        there = self._steering.describe(endpoint)
        if there is not None and there.traffic_split:
            etag = from_endpoint(there).etag
            self._split.move(endpoint, {}, etag=etag, word=uuid.uuid4().hex[:12])
        self._wishes.change(endpoint, lambda now: now.released(now.variants))
        self._await(
            endpoint,
            lambda seen: seen.endpoint is None and not seen.wanted.variants,
            within=self.apply_within,
        )

    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        return self._caller.ask(endpoint, payload)

    def _variant(self, seen: Seen, wanted: WantedVariant) -> Variant:
        endpoint = seen.endpoint
        name = self._steering.endpoint_name(wanted.request.endpoint)
        deployed = deployed_in(endpoint, wanted)
        url = f"https://{self._host(endpoint)}/v1/{name}:rawPredict"
        return from_deployed_model(wanted, deployed, url=url)

    def _host(self, endpoint: Endpoint | None) -> str:
        """Return where an endpoint is asked; what leads to a private one, as far as it is known."""
        if endpoint is not None and is_private(endpoint):
            try:
                return address_of(endpoint, self.private)
            except InvalidRequest:
                return attachment_of(endpoint)
        if endpoint is not None and endpoint.dedicated_endpoint_dns:
            return str(endpoint.dedicated_endpoint_dns).removeprefix("https://")
        return f"{self.account.location}-aiplatform.googleapis.com"

    def _ready(self, seen: Seen | None, name: str) -> str:
        """Return the id of a variant's deployed model. Raises Conflict if it cannot be asked."""
        wanted = seen.wanted.staying().get(name) if seen else None
        deployed = deployed_in(seen.endpoint, wanted) if seen and wanted else None
        if deployed is None or not deployed.status.available_replica_count:
            raise Conflict(f"variant {name!r} is not ready for traffic", code="NOT_READY")
        return str(deployed.id)

    @cached_property
    def _wishes(self) -> Documents[Wanted]:
        objects = Objects(self.account.storage, kms_key=self.account.kms_key)
        return wishes(objects, f"{self.account.root}/endpoints")

    @cached_property
    def _steering(self) -> Steering:
        resources = Resources(
            cpu_percent=self.cpu_percent, requests_a_minute=self.requests_a_minute, spot=self.spot
        )
        return Steering(
            self.account,
            self._wishes,
            image=self.image,
            capture_every=self.capture_every,
            resources=resources,
            log_to=self.log_requests_to,
            private=self.private,
        )

    @cached_property
    def _split(self) -> Split:
        return Split(self.account, self._steering)

    @cached_property
    def _caller(self) -> Caller:
        return Caller(self.account, self._steering, private=self.private)
