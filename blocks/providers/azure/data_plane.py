"""The workspace's own services that the SDK has no calls for: run history, MLflow, operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from azure.core import PipelineClient
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    RetryPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest

from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.answers import is_missing
from blocks.providers.azure.lookup import READS


class DataPlane:
    """Asks them as this account; what fails in passing is asked again."""

    def __init__(self, account: AzureAccount) -> None:
        self.url = account.data_plane
        self._client = PipelineClient(
            self.url,
            transport=RequestsTransport(**account.trust()),
            policies=[
                UserAgentPolicy("bluewater"),
                RetryPolicy(retry_total=READS - 1, retry_backoff_factor=0.2),
                BearerTokenCredentialPolicy(account.credential, account.scope),
            ],
        )

    def ask(self, method: str, url: str, **more: Any) -> Mapping[str, Any]:
        """Return the answer. Raises HttpResponseError."""
        reply = self._client.send_request(HttpRequest(method, url, **more))
        reply.raise_for_status()
        told: Mapping[str, Any] = reply.json()
        return told

    def find(self, url: str, **more: Any) -> Mapping[str, Any] | None:
        """Return what is there; None where nothing is. Raises HttpResponseError."""
        try:
            return self.ask("GET", url, **more)
        except HttpResponseError as error:
            if is_missing(error):
                return None
            raise
