"""Endpoints on Cloud Run: a revision of a service for each variant, and the service's own split."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from google.cloud.run_v2.types import Service
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.cloud.variants import differs
from blocks.contracts import (
    Conflict,
    EndpointFeatures,
    Endpoints,
    Failure,
    InvalidRequest,
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
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.images import serving_image
from blocks.providers.gcp.run.asking import Caller
from blocks.providers.gcp.run.calls import (
    MOST,
    address_of,
    phase_of,
    require_servable,
    shares_of,
)
from blocks.providers.gcp.run.identity import Identity
from blocks.providers.gcp.run.insisting import insisted
from blocks.providers.gcp.run.kept import Kept, KeptVariant, kept_of, service_id
from blocks.providers.gcp.run.log import last_words
from blocks.providers.gcp.run.services import Services

ID_TOKEN = "BLUEWATER_GCP_ID_TOKEN"  # noqa: S105 - the name of a variable
POLL_AFTER = timedelta(seconds=5)
_SLACK = 60.0  # seconds that a caller waits longer than the model may take: an instance may start


def _given() -> SecretStr | None:
    told = os.environ.get(ID_TOKEN)
    return SecretStr(told) if told else None


class CloudRunEndpoints(Block, Endpoints):
    """Serves models with Cloud Run.

    ``min_replicas`` instances of each variant are kept ready; with 0 it costs nothing until it is
    asked. Beyond those, Cloud Run starts as many as are needed. Machines are named by processors
    and megabytes: ``run-1-2048``. What is asked for is kept at the service, so that any process
    finds it there.
    """

    _block_type_name = "Cloud Run endpoints"
    _block_type_slug = "gcp-run-endpoints"

    provider: ClassVar[str] = "gcp-run"
    features: ClassVar[EndpointFeatures] = EndpointFeatures(
        scheme="gs",
        weights=True,
        mirror=False,  # Cloud Run copies no requests
        capture=True,
        direct=True,
        sticky=False,
        autoscaling=False,  # it scales by itself, and does not tell how many there are
        scale_to_zero=True,
        alarm_rollback=False,
        max_payload_bytes=MOST,
    )

    account: GcpAccount = Field(default_factory=GcpAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image of the containers, with bluewater in it."
    )
    most_instances: int = Field(
        default=20, ge=1, description="Instances of a variant that there may be at a time."
    )
    id_token: SecretStr | None = Field(
        default_factory=_given,
        description="An identity token that was made elsewhere; it is not refreshed. Without one, "
        "the account's credentials make them.",
    )
    apply_within: float = Field(
        default=60.0, description="Seconds that a change waits for those of others."
    )
    capture_every: float = Field(
        default=30.0, description="Seconds between two files of captured requests."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _deploy(self, request: VariantRequest, token: str) -> OperationRef:
        require_servable(request)
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        new = KeptVariant(request=request, token=token)

        def attempt() -> OperationRef | None:
            service = self._services.read(request.endpoint)
            kept = kept_of(service).model_copy(update={"endpoint": request.endpoint})
            known = kept.variants.get(request.variant)
            if known is not None:
                if known.request != request:
                    raise differs(known.request, request)
                return self._ref(known)
            if service is None:
                self._services.create(kept.with_variant(new), new)
            else:
                self._services.add(service, kept.with_variant(new), new)
            return self._ref(new)

        return insisted(attempt, request.endpoint, within=self.apply_within)

    def _status(self, ref: OperationRef) -> OperationStatus[Variant]:
        endpoint, _, name = ref.id.partition("/")
        service = self._services.read(endpoint)
        if service is None:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        found = kept_of(service).variants.get(name)
        if found is None or found.token != ref.token:
            return OperationStatus[Variant](phase=Phase.CANCELLED)
        phase, why = phase_of(self._services.revision(endpoint, found))
        if phase is Phase.FAILED:
            revision = found.revision(service_id(self.account, endpoint))
            words = f"{why} {last_words(self.account, revision)}".strip()
            failure = Failure(code="NEVER_READY", message=words)
            return OperationStatus[Variant](phase=phase, failure=failure)
        if phase is Phase.SUCCEEDED:
            return OperationStatus[Variant](
                phase=phase, result=self._variant(service, found, ready=True)
            )
        return OperationStatus[Variant](phase=phase, poll_after=POLL_AFTER)

    def _variants(self, endpoint: str) -> Sequence[Variant]:
        service = self._services.read(endpoint)
        if service is None:
            return []
        found = kept_of(service).variants.values()
        return [self._variant(service, each, ready=self._ready(endpoint, each)) for each in found]

    def _traffic(self, endpoint: str) -> Traffic:
        service = self._services.read(endpoint)
        return Traffic(percent={}) if service is None else kept_of(service).traffic(service)

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        shares = {name: share for name, share in to.percent.items() if share}
        if not shares:
            raise InvalidRequest("give the traffic to somebody; a split has to add up to 100")
        word = uuid.uuid4().hex[:12]

        def attempt() -> Traffic | None:
            service = self._services.read(endpoint)
            kept = kept_of(service)
            if kept.word == word:  # it was done, and the reply was lost
                return Traffic(percent=shares, etag=kept.etag)
            if etag != kept.etag:
                told = f"traffic of {endpoint!r} was moved meanwhile; read it again"
                raise Conflict(told, code="ETAG")
            for name in shares:
                found = kept.variants.get(name)
                if service is None or found is None or not self._ready(endpoint, found):
                    raise Conflict(f"variant {name!r} is not ready for traffic", code="NOT_READY")
            moved = kept.model_copy(update={"moves": kept.moves + 1, "word": word})
            if service is not None:
                self._services.split(service, moved, shares)
            return Traffic(percent=shares, etag=moved.etag)

        return insisted(attempt, endpoint, within=self.apply_within)

    def _retire(self, endpoint: str, variant: str) -> None:
        def attempt() -> bool:
            service = self._services.read(endpoint)
            kept = kept_of(service)
            found = kept.variants.get(variant)
            if service is None or found is None:
                return True
            if kept.traffic(service).share(variant):
                told = f"variant {variant!r} of {endpoint!r} has traffic; move it away first"
                raise Conflict(told, code="TRAFFIC")
            self._forget(service, kept, found)
            return True

        insisted(attempt, endpoint, within=self.apply_within)

    def take_down(self, endpoint: str) -> None:
        """Delete an endpoint with all its variants, whoever has traffic; gone is fine."""

        def attempt() -> bool:
            if (service := self._services.read(endpoint)) is not None:
                self._services.delete(service)
            return True

        insisted(attempt, endpoint, within=self.apply_within)

    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        service = self._services.read(endpoint)
        if service is None:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        kept = kept_of(service)
        asked = kept.variants.get(variant) if variant is not None else None
        if variant is not None and asked is None:
            raise NotFound(f"{endpoint!r} has no variant {variant!r}", code="VARIANT")
        url = address_of(service, asked.tag if asked else "")
        if not url:
            raise Unavailable(f"{endpoint!r} has no address yet", code="ADDRESS")
        longest = max(each.request.serving.timeout for each in kept.variants.values())
        return self._caller.ask(
            url,
            payload,
            identity=self._identity_for(str(service.uri)),
            internal=asked.token if asked else "",
            within=longest.total_seconds() + _SLACK,
        )

    def _forget(self, service: Service, kept: Kept, variant: KeptVariant) -> None:
        """Take a variant out; the last one goes with its service."""
        left = kept.without(variant.request.variant)
        if not left.variants:
            self._services.delete(service)
            return
        shares = shares_of(left, service)
        if not any(shares.values()):  # it got what came, before traffic was moved at all
            shares = {next(iter(left.variants)): 100}
        self._services.split(service, left, shares)
        self._services.forget(kept.endpoint, variant)

    def _ready(self, endpoint: str, variant: KeptVariant) -> bool:
        return phase_of(self._services.revision(endpoint, variant))[0] is Phase.SUCCEEDED

    def _variant(self, service: Service, found: KeptVariant, *, ready: bool) -> Variant:
        return Variant(
            endpoint=found.request.endpoint,
            name=found.request.variant,
            model=found.request.model,
            url=str(service.uri),
            # one that sleeps until it is asked is as ready as it gets
            ready_replicas=max(1, found.request.min_replicas) if ready else 0,
        )

    def _ref(self, variant: KeptVariant) -> OperationRef:
        return self._reference(
            f"{variant.request.endpoint}/{variant.request.variant}",
            variant.token,
            project=self.account.project_id,
            location=self.account.location,
        )

    def _identity_for(self, audience: str) -> str:
        given = self.id_token
        return self._identity.token(audience) if given is None else given.get_secret_value()

    @cached_property
    def _services(self) -> Services:
        return Services(
            self.account,
            image=self.image,
            most=self.most_instances,
            capture_every=self.capture_every,
        )

    @cached_property
    def _identity(self) -> Identity:
        return Identity(self.account)

    @cached_property
    def _caller(self) -> Caller:
        return Caller()
