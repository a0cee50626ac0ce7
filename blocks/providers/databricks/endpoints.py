"""Endpoints on Databricks Model Serving: several served models behind one address."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from databricks.sdk.errors import DatabricksError
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
from blocks.providers.databricks.steering import Seen, Steering
from blocks.providers.databricks.unity import UnityVersions
from blocks.providers.databricks.volumes import Volumes
from blocks.providers.databricks.wanted import Move, Wanted, WantedVariant, wishes

CAPTURES_EVERY = "BLUEWATER_DATABRICKS_CAPTURE_EVERY"
COUNTS_EVERY = "BLUEWATER_DATABRICKS_TICKS_EVERY"
POLL_AFTER = timedelta(seconds=15)  # between two looks at a deployment: it takes minutes
_LOOK_EVERY, _LOOK_AT_MOST = 0.05, 5.0  # seconds, at first and at last


class DatabricksEndpoints(Block, Endpoints):
    """Serves models with Databricks Model Serving.

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
        for name in shares:
            _require_ready(seen, name)
        move = Move(word=uuid.uuid4().hex[:12], percent=shares, since=etag)
        there = seen.endpoint if seen else None

        def how(now: Wanted) -> Wanted:
            if now.moving and (now.moving.percent, now.moving.since) == (shares, etag):
                return now  # it was asked for before, by who did not wait for it
            if (traffic := to_traffic(now, there)).etag != etag:
                raise _moved(endpoint, traffic)
            if gone := [name for name in shares if name not in now.staying()]:
                raise Conflict(f"variant {gone[0]!r} is being taken down", code="NOT_READY")
            return now.model_copy(update={"move": move})

        word = after.word if (after := self._wishes.change(endpoint, how).move) else ""
        return self._in_force(endpoint, word)

    def _in_force(self, endpoint: str, word: str) -> Traffic:
        """Wait for a move, and return the split then. Raises Conflict if another one came."""

        def over(seen: Seen) -> bool:
            move = seen.wanted.move
            return move is None or move.word != word or move.done

        seen = self._await(endpoint, over)
        move = seen.wanted.move if seen else None
        traffic = to_traffic(seen.wanted if seen else None, seen.endpoint if seen else None)
        if move is None or move.word != word:
            raise _moved(endpoint, traffic)
        if move.failure:
            raise Conflict(f"traffic of {endpoint!r}: {move.failure}", code="UPDATE_FAILED")
        return traffic

    def _retire(self, endpoint: str, variant: str) -> None:
        if self._wishes.read(endpoint) is None:
            return
        if self._traffic(endpoint).percent.get(variant):
            raise _busy(endpoint, variant)

        def how(now: Wanted) -> Wanted:
            if now.moving and now.moving.percent.get(variant):
                raise _busy(endpoint, variant)
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
            seen = self._steering.look(endpoint)
            if seen is None or enough(seen):
                return seen
            if time.monotonic() + pause > end:
                raise Unavailable(
                    f"the change of {endpoint!r} is written down and not yet in force",
                    code="NOT_APPLIED",
                    retry_after=POLL_AFTER,
                )
            time.sleep(pause)
            pause = min(2 * pause, _LOOK_AT_MOST)

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
        return now.put(WantedVariant(request=request, token=token))
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


def _require_ready(seen: Seen | None, name: str) -> None:
    """Raise Conflict for a variant that cannot be asked."""
    wanted = seen.wanted.staying().get(name) if seen else None
    if seen is None or wanted is None or not is_ready(served_in(seen.endpoint, wanted)):
        raise Conflict(f"variant {name!r} is not ready for traffic", code="NOT_READY")


def _moved(name: str, now: Traffic) -> Conflict:
    return Conflict(
        f"traffic of {name!r} was moved meanwhile, to {dict(now.percent)}; read it again",
        code="ETAG",
    )


def _busy(endpoint: str, variant: str) -> Conflict:
    return Conflict(
        f"variant {variant!r} of {endpoint!r} has traffic; move it away first", code="TRAFFIC"
    )
