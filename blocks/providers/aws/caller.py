"""Asks an endpoint of SageMaker, with what its container wants to know of a caller of ours."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from blocks.contracts import Conflict, NotFound, Prediction
from blocks.providers.aws import answers
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.container import Attributes
from blocks.providers.aws.desired import Desired, DesiredStates

REMEMBERED = 30.0  # seconds


class Caller:
    """A caller that remembers for a while which bearer token an endpoint asks for."""

    def __init__(
        self, account: AwsAccount, states: DesiredStates, secret: Callable[[str | None], str]
    ) -> None:
        self._account, self._states, self._secret = account, states, secret
        self._runtime = account.client("sagemaker-runtime")
        self._tokens: dict[str, tuple[float, str]] = {}

    def ask(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        """Ask once, one variant alone where it is named. Raises NotFound or Conflict."""
        look = self._look_word(endpoint, variant) if variant else ""
        attributes = Attributes(token=self._token(endpoint), look=look)
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

    def _token(self, endpoint: str) -> str:
        """Return the bearer token of an endpoint; a caller does not look it up for each call."""
        at, token = self._tokens.get(endpoint, (-math.inf, ""))
        if time.monotonic() - at > REMEMBERED:
            first = next(iter(self._served(endpoint).variants.values()))
            token = self._secret(first.request.serving.token_secret)
            self._tokens[endpoint] = (time.monotonic(), token)
        return token
