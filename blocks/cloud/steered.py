"""Endpoints of which it is written down what they should be, since a cloud takes minutes for it.

Every look takes the cloud a step nearer to what is written, whoever looks: whoever dies on the way,
the next one goes on.
"""

from __future__ import annotations

import abc
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from blocks.cloud.documents import Documents
from blocks.cloud.wanted import WantedVariants
from blocks.contracts import (
    Conflict,
    Endpoints,
    Failure,
    NotFound,
    OperationRef,
    OperationStatus,
    Phase,
    ProviderError,
    Unavailable,
    Variant,
    VariantRequest,
)

POLL_AFTER = timedelta(seconds=15)  # between two looks at a deployment: it takes minutes


class Looked(Protocol):
    """What a look saw: what is wanted, and what a cloud has beside it."""

    @property
    def wanted(self) -> WantedVariants[Any]:
        """What is written down."""
        ...


S = TypeVar("S", bound=Looked)


class SteeredEndpoints(Endpoints, Generic[S]):
    """What is alike for all of them. A cloud says how it looks, and what it sees."""

    look_every: ClassVar[float] = 0.1  # seconds, at first
    look_at_most: ClassVar[float] = 5.0  # seconds, at last

    @property
    @abc.abstractmethod
    def _wishes(self) -> Documents[Any]:
        """What is wanted of each endpoint."""

    @abc.abstractmethod
    def _look(self, endpoint: str) -> S | None:
        """Take an endpoint a step nearer to what is wanted; None if nobody wants any of it."""

    @abc.abstractmethod
    def _want(self, request: VariantRequest, token: str) -> Any:
        """Return a request as it is written down. Raises what is wrong with it."""

    @abc.abstractmethod
    def _stage(self, seen: S, wanted: Any) -> Phase:
        """Return how far a variant is: queued, running, or up."""

    @abc.abstractmethod
    def _variant(self, seen: S, wanted: Any) -> Variant:
        """Return a variant as it is."""

    @abc.abstractmethod
    def _scope(self) -> Mapping[str, str]:
        """Return where in the cloud an operation is."""

    def requests(self, endpoint: str) -> Sequence[VariantRequest]:
        """Return what was asked for an endpoint and is still wanted."""
        found = self._wishes.read(endpoint)
        return [each.request for each in found.staying().values()] if found else []

    def _deploy(self, request: VariantRequest, token: str) -> OperationRef:
        asked = self._want(request, token)
        after = self._wishes.change(
            request.endpoint, lambda now: now.asked(asked, again=POLL_AFTER)
        )
        written = after.variants[request.variant]
        try:
            self._look(request.endpoint)
        except Exception as error:
            if written.token == token:
                self._take_back(written, error)
            raise
        return self._reference(
            f"{request.endpoint}/{request.variant}", written.token, **self._scope()
        )

    def _take_back(self, written: Any, error: Exception) -> None:
        """Want a variant no more that was refused; what may pass is tried again by a look."""
        known = error if isinstance(error, ProviderError) else self._explain(error)
        if known is None or known.retryable or isinstance(known, Conflict):
            return
        self._wishes.change(written.request.endpoint, lambda now: now.refused(written))

    def _status(self, ref: OperationRef) -> OperationStatus[Variant]:
        endpoint, _, name = ref.id.partition("/")
        seen = self._look(endpoint)
        if seen is None:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        wanted = seen.wanted.staying().get(name)
        if wanted is None or wanted.token != ref.token:
            return OperationStatus[Variant](phase=Phase.CANCELLED)
        if wanted.failure:
            failure = Failure(code=wanted.code, message=wanted.failure)
            return OperationStatus[Variant](phase=Phase.FAILED, failure=failure)
        phase = self._stage(seen, wanted)
        if phase is Phase.SUCCEEDED:
            if not wanted.proven:
                self._wishes.change(endpoint, lambda now: now.noted(wanted, proven=True))
            return OperationStatus[Variant](phase=phase, result=self._variant(seen, wanted))
        return OperationStatus[Variant](phase=phase, poll_after=POLL_AFTER)

    def _variants(self, endpoint: str) -> Sequence[Variant]:
        seen = self._look(endpoint)
        if seen is None:
            return []
        return [self._variant(seen, each) for each in seen.wanted.staying().values()]

    def _await(self, endpoint: str, enough: Callable[[S], bool], *, within: float) -> S | None:
        """Look until it is so. Raises Unavailable after so many seconds: later looks go on."""
        end, pause = time.monotonic() + within, self.look_every
        while True:
            over, seen = self._glance(endpoint, enough)
            if over:
                return seen
            if time.monotonic() + pause > end:
                raise Unavailable(
                    f"the change of {endpoint!r} is written down and not yet in force"
                    f"{self._why(seen)}",
                    code="NOT_APPLIED",
                    retry_after=POLL_AFTER,
                )
            time.sleep(pause)
            pause = min(2 * pause, self.look_at_most)

    def _glance(self, endpoint: str, enough: Callable[[S], bool]) -> tuple[bool, S | None]:
        """Look once, and tell whether that is enough."""
        seen = self._look(endpoint)
        return seen is None or enough(seen), seen

    def _why(self, seen: S | None) -> str:
        """Return what holds a change up, as the end of a sentence."""
        return ""
