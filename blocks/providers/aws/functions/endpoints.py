"""Endpoints on AWS Lambda: a version of a function for each variant, an alias for the split."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from botocore.exceptions import ClientError
from prefect.blocks.core import Block
from pydantic import Field

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
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.functions.asking import ask
from blocks.providers.aws.functions.calls import (
    LIVE,
    MAX_BODY,
    Deployed,
    differs,
    from_alias,
    from_configuration,
    require_servable,
    to_configuration,
    to_create_function,
    to_split,
)
from blocks.providers.aws.functions.errors import explain, means
from blocks.providers.aws.functions.look import Looks, Seen
from blocks.providers.aws.images import serving_image
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.secret import AwsSecrets

T = TypeVar("T")

_LOOK_EVERY = 0.2  # seconds, while a function takes a change
_POLL_AFTER = timedelta(seconds=5)


class LambdaEndpoints(Block, Endpoints):
    """Serves small models with AWS Lambda.

    ``min_replicas`` environments of each variant are kept ready, and billed, as provisioned
    concurrency; with 0 a variant costs nothing until it is asked, and its first answer takes as
    long as its model takes to load. Beyond those, Lambda starts as many as are needed. Machines
    are named by their memory: ``lambda-2048``.
    """

    _block_type_name = "Lambda endpoints"
    _block_type_slug = "aws-lambda-endpoints"

    provider: ClassVar[str] = "aws-lambda"
    features: ClassVar[EndpointFeatures] = EndpointFeatures(
        scheme="s3",
        weights=True,
        mirror=False,
        capture=False,
        direct=True,
        sticky=False,
        autoscaling=False,  # Lambda scales by itself, between no bounds of ours
        scale_to_zero=True,
        alarm_rollback=False,
        max_payload_bytes=MAX_BODY,
    )

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image,
        description="Image in ECR of the same region, with bluewater in it.",
    )
    storage_mb: int = Field(
        default=2048, ge=512, le=10240, description="Disk for the model, in megabytes."
    )
    apply_within: float = Field(
        default=60.0, description="Seconds that a change waits for one that is under way."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _deploy(self, request: VariantRequest, token: str) -> OperationRef:
        require_servable(request)
        self._secret(request)
        configuration = to_configuration(
            request, token, account=self.account, storage_mb=self.storage_mb
        )

        def attempt() -> OperationRef | None:
            seen = self._looks.look(request.endpoint)
            known = seen.variants.get(request.variant) if seen else None
            if known is not None:
                if known.request != request:
                    raise Conflict(differs(known.request, request), code="VARIANT")
                return self._ref(request, known.token)
            if seen is None:
                self._create(configuration)
            elif not seen.busy and seen.pending is None:
                self._lambda.update_function_configuration(
                    **configuration, RevisionId=seen.revision
                )
            return None

        return self._insist(attempt, request.endpoint)

    def _status(self, ref: OperationRef) -> OperationStatus[Variant]:
        endpoint, _, name = ref.id.partition("/")
        seen = self._looks.look(endpoint)
        if seen is None:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        found = seen.variants.get(name)
        if found is None or found.token != ref.token:
            return OperationStatus[Variant](phase=Phase.CANCELLED)
        ready, failure = self._looks.readiness(endpoint, found)
        if failure:
            told = Failure(code="NEVER_READY", message=failure)
            return OperationStatus[Variant](phase=Phase.FAILED, failure=told)
        if ready >= max(found.request.min_replicas, 1):
            variant = self._variant(found, ready)
            return OperationStatus[Variant](phase=Phase.SUCCEEDED, result=variant)
        phase = Phase.RUNNING if found.number else Phase.QUEUED
        return OperationStatus[Variant](phase=phase, poll_after=_POLL_AFTER)

    def _variants(self, endpoint: str) -> Sequence[Variant]:
        seen = self._looks.look(endpoint)
        found = seen.variants.values() if seen else ()
        return [self._variant(each, self._looks.readiness(endpoint, each)[0]) for each in found]

    def _traffic(self, endpoint: str) -> Traffic:
        alias = self._looks.alias(endpoint)
        seen = self._looks.look(endpoint) if alias else None
        if alias is None or seen is None:
            return Traffic(percent={})
        return from_alias(alias, _names(seen))

    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic:
        seen = self._looks.look(endpoint)
        numbers = {}
        for name in (name for name, share in to.percent.items() if share):
            found = seen.variants.get(name) if seen else None
            if found is None or not self._looks.readiness(endpoint, found)[0]:
                raise Conflict(f"variant {name!r} is not ready for traffic", code="NOT_READY")
            numbers[name] = found.number
        call = {"FunctionName": self.account.named(endpoint), "Name": LIVE}
        split = to_split(to, numbers)
        try:
            if etag:
                alias = self._lambda.update_alias(**call, **split, RevisionId=etag)
            else:
                alias = self._lambda.create_alias(**call, **split)
        except ClientError as error:
            if means(error, Conflict):
                told = f"traffic of {endpoint!r} was moved meanwhile; read it again"
                raise Conflict(told, code="ETAG") from error
            raise
        return from_alias(alias, {number: name for name, number in numbers.items()})

    def _retire(self, endpoint: str, variant: str) -> None:
        def attempt() -> bool | None:
            seen = self._looks.look(endpoint)
            found = seen.variants.get(variant) if seen else None
            if seen is None or found is None:
                return True
            if self._traffic(endpoint).share(variant):
                told = f"variant {variant!r} of {endpoint!r} has traffic; move it away first"
                raise Conflict(told, code="TRAFFIC")
            if seen.busy:
                return None
            self._forget(endpoint, seen, found)
            return True if found.number else None

        self._insist(attempt, endpoint)

    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        name, qualifier, internal = self.account.named(endpoint), LIVE, ""
        if variant is not None:
            seen = self._looks.look(endpoint)
            found = seen.variants.get(variant) if seen else None
            if found is None or not found.number:
                raise NotFound(f"{endpoint!r} has no variant {variant!r}", code="VARIANT")
            qualifier, internal = found.number, found.token
        reads = self.account.client(
            "lambda", attempts=READS
        )  # callers share its few calls a second
        told = reads.get_function_configuration(FunctionName=name, Qualifier=qualifier)
        served = from_configuration(told)
        token = self._secret(served.request) if served else ""
        words = {"token": token, "internal": internal}
        return ask(self._lambda, name, qualifier, json.dumps(payload).encode(), **words)

    def _create(self, configuration: dict[str, Any]) -> None:
        if not self.image:
            raise InvalidRequest(
                "image: Lambda runs containers; name one in the block or BLUEWATER_AWS_IMAGE",
                code="IMAGE",
            )
        call = to_create_function(configuration, account=self.account, image=self.image)
        self._lambda.create_function(**call)

    def _forget(self, endpoint: str, seen: Seen, variant: Deployed) -> None:
        """Delete a version; before that, see that nobody takes it for one to be published."""
        name = self.account.named(endpoint)
        if seen.unpublished is not None and seen.unpublished.token == variant.token:
            nothing: dict[str, Any] = {"Variables": {}}
            self._lambda.update_function_configuration(
                FunctionName=name, Environment=nothing, RevisionId=seen.revision
            )
        if variant.number:
            where = {"FunctionName": name, "Qualifier": variant.number}
            with contextlib.suppress(self._lambda.exceptions.ResourceNotFoundException):
                self._lambda.delete_provisioned_concurrency_config(**where)
            self._lambda.delete_function(**where)

    def _insist(self, attempt: Callable[[], T | None], endpoint: str) -> T:
        """Try until there is an answer; what others change meanwhile is looked at again."""
        end = time.monotonic() + self.apply_within
        while True:
            try:
                if (done := attempt()) is not None:
                    return done
            except ClientError as error:
                if not means(error, Conflict):
                    raise
            if time.monotonic() > end:
                raise Unavailable(
                    f"{endpoint!r} is being changed by others", code="BUSY", retry_after=_POLL_AFTER
                )
            time.sleep(_LOOK_EVERY)

    def _ref(self, request: VariantRequest, token: str) -> OperationRef:
        return self._reference(
            f"{request.endpoint}/{request.variant}",
            token,
            region=self.account.region,
        )

    def _variant(self, found: Deployed, ready: int) -> Variant:
        name = self.account.named(found.request.endpoint)
        url = f"{self._lambda.meta.endpoint_url}/2015-03-31/functions/{name}:{LIVE}"
        return Variant(
            endpoint=found.request.endpoint,
            name=found.request.variant,
            model=found.request.model,
            url=url,
            ready_replicas=ready,
        )

    def _secret(self, request: VariantRequest) -> str:
        name = request.serving.token_secret
        return AwsSecrets(account=self.account).get(name).get_secret_value() if name else ""

    @property
    def _lambda(self) -> Any:
        return self.account.client("lambda")

    @cached_property
    def _looks(self) -> Looks:
        return Looks(self.account)


def _names(seen: Seen) -> dict[str, str]:
    return {each.number: name for name, each in seen.published.items()}
