"""One request to a service, and what its answer means."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import httpx

from blocks.contracts import Prediction, Unavailable
from blocks.serving.config import MIRRORED, VARIANT

# Cloud Run checks this one, where it is there, and leaves the other one to the service.
IDENTITY = "x-serverless-authorization"


class Caller:
    """Asks services over HTTP."""

    def ask(
        self, url: str, payload: Any, *, identity: str, internal: str, within: float
    ) -> Prediction:
        """Ask once. ``internal`` is a variant's own word, if no caller sees the answer."""
        headers = {"content-type": "application/json", IDENTITY: f"Bearer {identity}"}
        if internal:
            headers[MIRRORED] = internal
        begun = time.perf_counter()
        try:
            answer = self._http.post(
                f"{url}/invocations", content=json.dumps(payload), headers=headers, timeout=within
            )
        except httpx.TransportError as error:
            raise Unavailable(f"{url} was not reached: {error}", code="TRANSPORT") from error
        return Prediction(
            status=answer.status_code,
            variant=_variant(answer.headers),
            body=_decoded(answer),
            seconds=time.perf_counter() - begun,
        )

    @cached_property
    def _http(self) -> httpx.Client:
        return httpx.Client()


def _variant(headers: Mapping[str, str]) -> str:
    return headers.get(VARIANT, "")


def _decoded(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text
