"""What became of long-running changes: Azure tells of each under an address of its own."""

from __future__ import annotations

from dataclasses import dataclass
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

_ADDRESS = "AzureAsyncOperationUri"  # among the properties of whatever is changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a change failed."""

    code: str
    message: str


class Changes:
    """Asks for the last change of a thing."""

    def __init__(self, account: AzureAccount) -> None:
        self._client = PipelineClient(
            account.data_plane,
            transport=RequestsTransport(**account.trust()),
            policies=[
                UserAgentPolicy("bluewater"),
                RetryPolicy(retry_total=READS - 1, retry_backoff_factor=0.2),
                BearerTokenCredentialPolicy(account.credential, account.scope),
            ],
        )

    def why(self, thing: Any) -> Reason:
        """Return why the last change of an endpoint or a deployment failed, as far as is known."""
        told = self._told(str((thing.properties or {}).get(_ADDRESS) or ""))
        error = told.get("error") or {}
        return Reason(
            code=str(error.get("code") or "FAILED"), message=str(error.get("message") or "")
        )

    def _told(self, address: str) -> dict[str, Any]:
        if not address:
            return {}
        reply = self._client.send_request(HttpRequest("GET", address))
        try:
            reply.raise_for_status()
        except HttpResponseError as error:
            if is_missing(error):
                return {}  # it is long ago
            raise
        told: dict[str, Any] = reply.json()
        return told
