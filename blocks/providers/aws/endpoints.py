"""Endpoints of SageMaker: a production variant for each of ours, a shadow variant for copies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from prefect.blocks.core import Block
from pydantic import Field

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
    Variant,
    VariantRequest,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.asynchronous import AsyncInference, folder_of, require_queued
from blocks.providers.aws.caller import Caller
from blocks.providers.aws.desired import Desired, DesiredVariant
from blocks.providers.aws.endpoint_calls import (
    from_describe_endpoint,
    model_name,
    require_servable,
)
from blocks.providers.aws.endpoint_rules import (
    is_leaving,
    require_alike,
    require_alone,
    require_room,
    require_synchronous,
)
from blocks.providers.aws.errors import explain
from blocks.providers.aws.images import serving_image
from blocks.providers.aws.queued_caller import Asked
from blocks.providers.aws.scaling import missing
from blocks.providers.aws.secret import AwsSecrets
from blocks.providers.aws.serverless import require_hosted
from blocks.providers.aws.steering import Seen
from blocks.providers.aws.wanted import POLL_AFTER, WantedEndpoints


class SageMakerEndpoints(Block, Endpoints):
    """Serves models with Amazon SageMaker real-time endpoints.

    What an endpoint should be is kept in the account's bucket; every look at it takes SageMaker a
    step nearer to that, so that whoever dies on the way, the next one goes on. A variant whose
    machine is named ``serverless-2048`` has none: it is alone on its endpoint, paid by the request.
    """

    _block_type_name = "SageMaker endpoints"
    _block_type_slug = "aws-endpoints"

    provider: ClassVar[str] = "aws"
    features: ClassVar[EndpointFeatures] = EndpointFeatures(
        scheme="s3",
        weights=True,
        mirror=True,
        capture=True,
        direct=True,
        sticky=False,
        autoscaling=True,
        scale_to_zero=True,  # of serverless variants, and behind a queue
        alarm_rollback=False,  # by guardrail.py, which takes one variant alone
        max_payload_bytes=6_291_456,  # of InvokeEndpoint's body, as botocore's model has it
    )

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image of the containers, with bluewater in it."
    )
    apply_within: float = Field(
        default=60.0, description="Seconds that a shift waits until it is in force."
    )
    capture_every: float = Field(
        default=30.0, description="Seconds between two files of captured requests."
    )
    asynchronous: AsyncInference | None = Field(
        default=None,
        description="For endpoints of one variant whose requests wait in a queue; empty: they "
        "are answered at once.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _deploy(self, request: VariantRequest, token: str) -> OperationRef:
        queue, isolated = self._queue(request), self.account.network_isolation
        require_servable(request, isolated=isolated, queued=queue is not None)
        in_vpc = bool(self.account.vpc()) or isolated
        require_hosted(request, in_vpc=in_vpc, queued=queue is not None)
        self._secret(request.serving.token_secret)

        def add(now: Desired) -> Desired:
            known = now.variants.get(request.variant)
            if known is not None:
                if known.request != request:
                    raise differs(known.request, request)
                return now
            require_alike(request, now)
            require_alone(request, queue, now)
            model = self.account.named(model_name(request, token))
            wanted = DesiredVariant(request=request, token=token, model=model)
            after = now.with_variant(request.variant, wanted)
            return after.model_copy(update={"asynchronous": queue})

        after = self._wanted.change(request.endpoint, add)
        try:
            self._wanted.look(request.endpoint)
        except (ClientError, ProviderError) as error:
            self._take_back(request, token, error)
            raise
        return self._reference(
            f"{request.endpoint}/{request.variant}",
            after.variants[request.variant].token,
            region=self.account.region,
        )

    def _status(self, ref: OperationRef) -> OperationStatus[Variant]:
        endpoint, _, name = ref.id.partition("/")
        seen = self._wanted.look(endpoint)
        if seen is None:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        wanted = seen.desired.variants.get(name)
        if wanted is None or wanted.token != ref.token:
            return OperationStatus[Variant](phase=Phase.CANCELLED)
        if wanted.failure:
            failure = Failure(code="NEVER_READY", message=wanted.failure)
            return OperationStatus[Variant](phase=Phase.FAILED, failure=failure)
        variant = self._variant(seen, wanted)
        sized = name not in missing(seen.desired)
        if wanted.proven and sized and variant.ready_replicas >= wanted.request.min_replicas:
            return OperationStatus[Variant](phase=Phase.SUCCEEDED, result=variant)
        phase = Phase.RUNNING if seen.endpoint is not None else Phase.QUEUED
        return OperationStatus[Variant](phase=phase, poll_after=POLL_AFTER)

    def _variants(self, endpoint: str) -> Sequence[Variant]:
        seen = self._wanted.look(endpoint)
        if seen is None:
            return []
        return [self._variant(seen, each) for each in seen.desired.variants.values()]

    def _traffic(self, endpoint: str) -> Traffic:
        desired = self._wanted.read(endpoint)
        return desired.traffic() if desired else Traffic(percent={})

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        seen = self._wanted.look(endpoint)
        shares = {name: share for name, share in to.percent.items() if share}

        def move(now: Desired) -> Desired:
            if etag != now.etag:
                raise Conflict(
                    f"traffic of {endpoint!r} was moved meanwhile, to {dict(now.percent)}; "
                    "read it again",
                    code="ETAG",
                )
            require_synchronous(to, now)
            copied = [to.mirror.variant] if to.mirror else []
            self._require_ready(seen, now, [*shares, *copied])
            require_room(to, shares, now)
            return now.changed(percent=shares, mirror=to.mirror, moves=now.moves + 1)

        after = self._wanted.change(endpoint, move)
        self._wanted.settle(
            endpoint, lambda seen: seen.in_force or seen.desired.moves > after.moves
        )
        return after.traffic()

    def _retire(self, endpoint: str, variant: str) -> None:
        def take_out(now: Desired) -> Desired:
            copied = now.mirror is not None and now.mirror.variant == variant
            if now.percent.get(variant) or copied:
                raise Conflict(
                    f"variant {variant!r} of {endpoint!r} has traffic; move it away first",
                    code="TRAFFIC",
                )
            return now.with_variant(variant, None) if variant in now.variants else now

        if self._wanted.read(endpoint) is None:
            return
        self._wanted.change(endpoint, take_out)
        self._wanted.settle(endpoint, lambda seen: is_leaving(seen, variant))

    def take_down(self, endpoint: str) -> None:
        """Want nothing of an endpoint any more, whoever has traffic; gone is fine."""
        self._wanted.take_down(endpoint)

    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        return self._caller.ask(endpoint, payload, variant)

    def ask_later(self, endpoint: str, payload: Any) -> Asked:
        """Put a request into the queue of an asynchronous endpoint; returns at once.

        Raises Unsupported for an endpoint that has none.
        """
        with self._calling("ask_later"):
            return self._caller.begin(endpoint, payload)

    def answer(self, asked: Asked) -> Prediction | None:
        """Look once for the answer to such a request; None while it waits."""
        with self._calling("answer"):
            return self._caller.answer(asked)

    def _variant(self, seen: Seen, wanted: DesiredVariant) -> Variant:
        name = self.account.named(wanted.request.endpoint)
        url = f"{self._runtime.meta.endpoint_url}/endpoints/{name}"
        return from_describe_endpoint(wanted, seen.endpoint, url=url)

    def _require_ready(self, seen: Seen | None, now: Desired, names: Sequence[str]) -> None:
        for name in names:
            wanted = now.variants.get(name)
            ready = wanted is not None and wanted.proven and not wanted.failure and seen is not None
            if not (ready and wanted and seen and self._can_answer(seen, wanted)):
                raise Conflict(f"variant {name!r} is not ready for traffic", code="NOT_READY")

    def _can_answer(self, seen: Seen, wanted: DesiredVariant) -> bool:
        """Whether a variant has a machine, or gets one once it is asked."""
        return wanted.request.min_replicas == 0 or self._variant(seen, wanted).ready_replicas > 0

    def _take_back(self, request: VariantRequest, token: str, error: Exception) -> None:
        """Want a variant no more that was refused; what may pass is tried again by a look."""
        known = error if isinstance(error, ProviderError) else explain(error)
        if known is None or known.retryable:
            return

        def take_out(now: Desired) -> Desired:
            there = now.variants.get(request.variant)
            new = there is not None and there.token == token and not there.proven
            return now.with_variant(request.variant, None) if new else now

        self._wanted.change(request.endpoint, take_out)

    def _queue(self, request: VariantRequest) -> AsyncInference | None:
        """Return where answers go, if requests are to wait in a queue."""
        if self.asynchronous is None:
            return None
        folder = folder_of(self.account.root, self.account.named(request.endpoint))
        placed = self.asynchronous.placed(folder)
        require_queued(request, placed)
        return placed

    def _secret(self, name: str | None) -> str:
        if not name:
            return ""
        return AwsSecrets(account=self.account).get(name).get_secret_value()

    @cached_property
    def _wanted(self) -> WantedEndpoints:
        return WantedEndpoints(
            self.account,
            image=self.image,
            capture_every=self.capture_every,
            apply_within=self.apply_within,
        )

    @cached_property
    def _caller(self) -> Caller:
        return Caller(self.account, self._wanted.states, self._secret)

    @property
    def _runtime(self) -> Any:
        return self.account.client("sagemaker-runtime")
