"""Asks an online endpoint by its key or a token, and says what its container said."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

from azure.core import PipelineClient
from azure.core.pipeline.policies import UserAgentPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse
from pydantic import SecretStr

from blocks.cloud.documents import Documents
from blocks.contracts import NotFound, Prediction
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.endpoint_calls import (
    PATIENCE,
    deployment_name,
    endpoint_name,
    variant_name,
)
from blocks.providers.azure.lookup import READS, look_for
from blocks.providers.azure.wanted import WantedEndpoint
from blocks.serving.config import MIRRORED

REMEMBERED = 30.0  # seconds, for an endpoint's address and its key or token
DEPLOYMENT = "azureml-model-deployment"  # header: who is to answer; of an answer, who did
MODEL_STATUS = "ms-azureml-model-error-statuscode"  # header: what the container answered
_MODEL_ERROR, _WRONG_KEY = 424, 401


@dataclass(frozen=True, slots=True, kw_only=True)
class _Door:
    """Where an endpoint is asked, and by which key or token."""

    url: str
    key: SecretStr
    until: float


class Caller:
    """A caller that remembers for a while where an endpoint is."""

    def __init__(self, account: AzureAccount, wishes: Documents[WantedEndpoint]) -> None:
        self._account, self._wishes = account, wishes
        self._http = PipelineClient(
            account.endpoint or "https://localhost",
            transport=RequestsTransport(**account.trust()),
            policies=[UserAgentPolicy("bluewater")],
        )
        self._doors: dict[str, _Door] = {}

    def ask(self, endpoint: str, payload: Any, variant: str | None) -> Prediction:
        """Ask once, one variant alone where it is named. Raises NotFound."""
        headers = self._past_the_split(endpoint, variant) if variant else {}
        begun = time.perf_counter()
        reply = self._post(endpoint, payload, headers)
        if reply.status_code == _WRONG_KEY:  # the key was made anew, or the token is over
            self._doors.pop(endpoint, None)
            reply = self._post(endpoint, payload, headers)
        return from_answer(reply, seconds=time.perf_counter() - begun)

    def _post(self, endpoint: str, payload: Any, headers: dict[str, str]) -> HttpResponse:
        door = self._door(endpoint)
        asked = {"Authorization": f"Bearer {door.key.get_secret_value()}", **headers}
        request = HttpRequest("POST", door.url, json=payload, headers=asked)
        return self._http.send_request(request, read_timeout=PATIENCE.total_seconds())

    def _door(self, endpoint: str) -> _Door:
        known = self._doors.get(endpoint)
        if known is not None and time.monotonic() < known.until:
            return known
        endpoints, name = (
            self._account.ml(attempts=READS).online_endpoints,
            endpoint_name(self._account, endpoint),
        )
        found = look_for(endpoints.get, name, patient=False)
        if found is None or not found.scoring_uri:
            raise NotFound(f"there is no endpoint {endpoint!r}", code="ENDPOINT")
        door = _Door(
            url=found.scoring_uri,
            key=SecretStr(_word(endpoints.get_keys(name))),
            until=time.monotonic() + REMEMBERED,
        )
        self._doors[endpoint] = door
        return door

    def _past_the_split(self, endpoint: str, variant: str) -> dict[str, str]:
        """Return what leads to one variant, and the word by which it knows that it is a look."""
        wanted = self._wishes.read(endpoint)
        there = wanted.staying().get(variant) if wanted else None
        if there is None:
            raise NotFound(f"{endpoint!r} has no variant {variant!r}", code="VARIANT")
        return {DEPLOYMENT: deployment_name(variant), MIRRORED: there.token}


def _word(told: Any) -> str:
    """Return what a caller brings: a key, or where there are none a token, which lives longer."""
    found = getattr(told, "primary_key", None) or told.access_token
    return str(found)


def from_answer(reply: HttpResponse, *, seconds: float) -> Prediction:
    """Return what the container said; Azure has a status of its own for whatever is not 200."""
    status = reply.status_code
    if status == _MODEL_ERROR and (told := reply.headers.get(MODEL_STATUS, "")).isdecimal():
        status = int(told)
    return Prediction(
        status=status,
        variant=variant_name(reply.headers.get(DEPLOYMENT, "")),
        body=_decoded(reply),
        seconds=seconds,
    )


def _decoded(reply: HttpResponse) -> Any:
    try:
        return json.loads(reply.text())
    except ValueError:
        return reply.text()
