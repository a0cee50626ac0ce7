"""Asks an endpoint of Databricks, and says what came back."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import httpx

from blocks.contracts import Denied, NotFound, Prediction, Unavailable
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.endpoint_calls import PATIENCE

ANSWERED_BY = "served-model-name"
_MISSING = frozenset({"RESOURCE_DOES_NOT_EXIST", "ENDPOINT_NOT_FOUND", "NOT_FOUND"})


class Caller:
    """A caller that keeps its connections; the SDK's own waits and asks again by itself."""

    def __init__(self, workspace: DatabricksWorkspace) -> None:
        self._workspace = workspace
        self._http = httpx.Client(timeout=PATIENCE.total_seconds(), trust_env=False)

    def ask(self, name: str, payload: Any, variant: str | None) -> Prediction:
        """Ask the endpoint, or one variant past the split. Raises NotFound if there is none."""
        begun = time.perf_counter()
        try:
            answer = self._http.post(
                f"{self.url(name, variant)}/invocations",
                json=payload,
                headers=self._workspace.client().config.authenticate(),
            )
        except httpx.HTTPError as error:
            raise Unavailable(str(error), code=type(error).__name__) from error
        body, seconds = _decoded(answer), time.perf_counter() - begun
        code = str(body.get("error_code", "")) if isinstance(body, dict) else ""
        if answer.status_code == httpx.codes.NOT_FOUND and code in _MISSING:
            raise NotFound(f"there is no endpoint {name!r}", code="ENDPOINT")
        if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
            raise Denied(str(body), code=code)
        return Prediction(
            status=answer.status_code,
            variant=answer.headers.get(ANSWERED_BY, ""),
            body=body,
            seconds=seconds,
        )

    def url(self, name: str, variant: str | None = None) -> str:
        """Return the address of an endpoint, or of one variant of it."""
        host, named = self._workspace.host.rstrip("/"), quote(self._workspace.named(name))
        alone = f"/served-models/{quote(variant)}" if variant else ""
        return f"{host}/serving-endpoints/{named}{alone}"


def _decoded(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text
