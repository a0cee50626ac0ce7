"""Managed online endpoints of Azure Machine Learning: a deployment for each variant."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.documents import Documents
from blocks.cloud.steered import SteeredEndpoints
from blocks.cloud.wanted import WantedVariant
from blocks.contracts import (
    Conflict,
    EndpointFeatures,
    InvalidRequest,
    Phase,
    Prediction,
    ProviderError,
    Traffic,
    Unsupported,
    Variant,
    VariantRequest,
)
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.asking import Caller
from blocks.providers.azure.endpoint_calls import (
    MIRROR_AT_MOST,
    MOST,
    Auth,
    from_deployment,
    require_servable,
    to_deployment,
    to_endpoint,
    told_of,
)
from blocks.providers.azure.errors import explain
from blocks.providers.azure.images import serving_image
from blocks.providers.azure.objects import Objects
from blocks.providers.azure.scaling import Busy, Scaling
from blocks.providers.azure.steering import Place, Seen, Steering
from blocks.providers.azure.wanted import WantedEndpoint, wishes


class AzureEndpoints(Block, SteeredEndpoints[Seen]):
    """Serves models with managed online endpoints.

    What is wanted is kept in the account's container; every look takes Azure a step nearer to
    that, so that whoever dies on the way, the next one goes on. Traffic that somebody moves by
    hand is taken over as it is.
    """

    _block_type_name = "Azure endpoints"
    _block_type_slug = "azure-endpoints"

    provider: ClassVar[str] = "azure"
    features: ClassVar[EndpointFeatures] = EndpointFeatures(
        scheme="abfss",
        weights=True,
        mirror=True,
        mirror_at_most=MIRROR_AT_MOST,
        capture=True,
        direct=True,
        sticky=False,
        autoscaling=True,
        scale_to_zero=False,
        alarm_rollback=False,
        max_payload_bytes=MOST,
    )

    account: AzureAccount = Field(default_factory=AzureAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image,
        description="Image that runs `python -m blocks.providers.azure.serve` by itself.",
    )
    identity: str = Field(
        default="",
        description="Resource id of the identity that containers have; empty: the endpoint's own.",
    )
    identity_client: str = Field(default="", description="Client id of that identity.")
    auth: Auth = Field(
        default="key",
        description="What callers bring: one of the endpoint's two keys, or a token that Azure "
        "issues for some hours. An endpoint stays with what it was made with.",
    )
    public_access: bool = Field(
        default=True, description="Whether the endpoint is reached from outside the network."
    )
    apply_within: float = Field(
        default=180.0, description="Seconds that a shift waits until it is in force."
    )
    capture_every: float = Field(
        default=30.0, description="Seconds between two files of captured requests."
    )
    collect: bool = Field(
        default=False,
        description="Keep captured requests as Azure's own model monitors read them, too.",
    )
    ticks_every: float = Field(
        default=2.0, description="Seconds between two files of a container's counts."
    )

    busy_share: float = Field(
        default=70.0,
        ge=5,
        le=95,
        description="Percent of its processors, or GPUs, above which a variant with bounds grows.",
    )
    busy_requests: float | None = Field(
        default=None,
        gt=0,
        description="Requests a minute and machine above which it grows; empty: by the percent.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _look(self, endpoint: str) -> Seen | None:
        return self._steering.look(endpoint)

    def _want(self, request: VariantRequest, token: str) -> WantedVariant:
        require_servable(request)
        _ = self.account.ml()  # refuses a workspace that is not as demanded, before a word is kept
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        return WantedVariant(request=request, token=token)

    def _scope(self) -> Mapping[str, str]:
        return {"workspace": self.account.workspace}

    def _stage(self, seen: Seen, wanted: WantedVariant) -> Phase:
        name = wanted.request.variant
        if seen.answers(name) and seen.is_scaled(wanted):
            return Phase.SUCCEEDED
        return Phase.RUNNING if seen.deployment(name) is not None else Phase.QUEUED

    def _traffic(self, endpoint: str) -> Traffic:
        seen = self._look(endpoint)
        return seen.wanted.traffic if seen else Traffic(percent={})

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        seen = self._look(endpoint)
        shares = [name for name, share in to.percent.items() if share]
        copied = [to.mirror.variant] if to.mirror else []
        if set(copied) & set(shares):
            raise Unsupported(
                f"{copied[0]!r} cannot get live requests and copies: Azure gives a deployment one "
                "or the other",
                code="MIRROR",
            )

        def move(now: WantedEndpoint) -> WantedEndpoint:
            if etag != now.move:
                raise Conflict(
                    f"traffic of {endpoint!r} was moved meanwhile, to {dict(now.percent)}; "
                    "read it again",
                    code="ETAG",
                )
            for name in (*shares, *copied):
                if seen is None or name not in now.staying() or not seen.answers(name):
                    raise Conflict(f"variant {name!r} is not ready for traffic", code="NOT_READY")
            return now.moved(to)

        after = self._wishes.change(endpoint, move)
        self._await(
            endpoint,
            lambda seen: seen.in_force or seen.wanted.moves > after.moves,
            within=self.apply_within,
        )
        return after.traffic

    def _retire(self, endpoint: str, variant: str) -> None:
        def take_out(now: WantedEndpoint) -> WantedEndpoint:
            copied = now.mirror is not None and now.mirror.variant == variant
            if now.percent.get(variant) or copied:
                raise Conflict(
                    f"variant {variant!r} of {endpoint!r} has traffic; move it away first",
                    code="TRAFFIC",
                )
            return now.released([variant])

        if self._wishes.read(endpoint) is None:
            return
        self._wishes.change(endpoint, take_out)
        self._look(endpoint)

    def take_down(self, endpoint: str) -> None:
        """Want nothing of an endpoint any more, whoever has traffic; gone is fine."""
        if self._wishes.read(endpoint) is None:
            return
        nothing = Traffic(percent={})
        self._wishes.change(endpoint, lambda now: now.moved(nothing).released(now.variants))
        self._await(
            endpoint,
            lambda seen: seen.endpoint is None and not seen.wanted.variants,
            within=self.apply_within,
        )

    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        return self._caller.ask(endpoint, payload, variant)

    def _why(self, seen: Seen | None) -> str:
        return f": {seen.problem}" if seen else ""

    def _variant(self, seen: Seen, wanted: WantedVariant) -> Variant:
        there = seen.deployment(wanted.request.variant)
        url = (seen.endpoint.scoring_uri or "") if seen.endpoint is not None else ""
        return from_deployment(wanted, there, url=url)

    @cached_property
    def _wishes(self) -> Documents[WantedEndpoint]:
        return wishes(Objects(self.account), f"{self.account.root}/endpoints")

    @cached_property
    def _steering(self) -> Steering:
        return Steering(self.account, self._wishes, self._makes())

    def _makes(self) -> Place:
        """Return what is made where something is wanted."""
        busy = Busy(share=self.busy_share, requests=self.busy_requests)
        return Place(
            endpoint=partial(
                to_endpoint,
                account=self.account,
                identity=self.identity,
                auth=self.auth,
                public=self.public_access,
            ),
            deployment=partial(
                to_deployment, account=self.account, image=self.image, told=self._told()
            ),
            scaling=Scaling(self.account, busy),
        )

    def _told(self) -> Mapping[str, str]:
        """Return what only this block can tell containers."""
        return told_of(
            capture_every=self.capture_every,
            ticks_every=self.ticks_every,
            identity_client=self.identity_client,
            collected=f"{self.account.root}/collected" if self.collect else "",
        )

    @cached_property
    def _caller(self) -> Caller:
        return Caller(self.account, self._wishes)
