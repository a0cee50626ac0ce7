"""Asks an endpoint of SageMaker, with what its container wants to know of a caller of ours."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from blocks.contracts import Conflict, NotFound, Prediction, Unsupported
from blocks.providers.aws import answers
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.container import Attributes
from blocks.providers.aws.desired import Desired, DesiredStates
from blocks.providers.aws.queued_caller import LONGEST_WAIT, Asked, QueuedCaller

REMEMBERED = 30.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What a caller has to know of an endpoint."""

    token: str = ""  # the bearer token that it asks for
    variant: str = ""  # the first one
    limit: timedelta | None = None  # how long an answer may take, behind a queue; None: no queue


class Caller:
    """A caller that remembers for a while which bearer token an endpoint asks for."""

    def __init__(
        self, account: AwsAccount, states: DesiredStates, secret: Callable[[str | None], str]
    ) -> None:
        self._account, self._states, self._secret = account, states, secret
        self._runtime = account.client("sagemaker-runtime")
        self._queued = QueuedCaller(account)
        self._known: dict[str, tuple[float, _Known]] = {}

    def ask(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        """Ask once, one variant alone where it is named. Raises NotFound or Conflict."""
        known = self._knows(endpoint)
        if known.limit is not None:
            asked = self.begin(endpoint, payload, variant, patience=known.limit)
            return self._queued.wait(asked, known.limit)
        attributes = self._attributes(known, endpoint, variant)
        call: dict[str, Any] = {
            "EndpointName": self._account.named(endpoint),
            "Body": json.dumps(payload).encode(),
            "ContentType": "application/json",
            **({"CustomAttributes": header} if (header := attributes.to_header()) else {}),
            **({"TargetVariant": variant} if variant else {}),
        }
        begun = time.perf_counter()
        try:
            reply = self._runtime.invoke_endpoint(**call)
        except ClientError as error:
            return answers.refused(error, seconds=time.perf_counter() - begun)
        return answers.answered(reply, seconds=time.perf_counter() - begun)

    def begin(
        self,
        endpoint: str,
        payload: Any,
        variant: str | None = None,
        *,
        patience: timedelta = LONGEST_WAIT,
    ) -> Asked:
        """Put a request into an endpoint's queue. Raises Unsupported where there is none.

        ``patience`` is how long it may wait there: a machine that has to come takes minutes.
        """
        known = self._knows(endpoint)
        if known.limit is None:
            raise Unsupported(
                f"endpoint {endpoint!r} answers at once and has no queue; ask it by predict",
                code="ASYNCHRONOUS",
            )
        return self._queued.begin(
            endpoint,
            payload,
            variant=known.variant,
            attributes=self._attributes(known, endpoint, variant),
            limit=known.limit,
            patience=patience,
        )

    def answer(self, asked: Asked) -> Prediction | None:
        """Look once for the answer to a request in a queue; None while it waits."""
        return self._queued.answer(asked)

    def _served(self, endpoint: str) -> Desired:
        desired = self._states.read(endpoint)
        if desired is None or not desired.variants:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        return desired

    def _look_word(self, endpoint: str, variant: str) -> str:
        """Return the word by which a variant knows that it is asked past the split."""
        desired = self._served(endpoint)
        if variant not in desired.variants:
            raise NotFound(f"{endpoint!r} has no variant {variant!r}", code="VARIANT")
        if variant == desired.shadow():
            raise Conflict(
                f"{variant!r} serves copies now, and cannot be asked; end the mirror first",
                code="MIRROR",
            )
        return desired.variants[variant].token

    def _attributes(self, known: _Known, endpoint: str, variant: str | None) -> Attributes:
        look = self._look_word(endpoint, variant) if variant else ""
        return Attributes(token=known.token, look=look)

    def _knows(self, endpoint: str) -> _Known:
        """Return what a caller has to know of an endpoint, not looked up for each call."""
        at, known = self._known.get(endpoint, (-math.inf, _Known()))
        if time.monotonic() - at > REMEMBERED:
            desired = self._served(endpoint)
            first = next(iter(desired.variants.values())).request
            known = _Known(
                token=self._secret(first.serving.token_secret),
                variant=first.variant,
                limit=first.serving.timeout if desired.asynchronous else None,
            )
            self._known[endpoint] = (time.monotonic(), known)
        return known
