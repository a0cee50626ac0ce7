"""Who calls a service: an identity token for its URL, which IAM checks before the service."""

from __future__ import annotations

import json
import threading
from typing import Any

from google.auth import impersonated_credentials
from google.auth.transport.requests import Request
from google.oauth2 import id_token, service_account

from blocks.contracts import Denied
from blocks.providers.gcp.account import GcpAccount


class Identity:
    """Makes tokens from an account's credentials, one for each URL, and anew before they expire."""

    def __init__(self, account: GcpAccount) -> None:
        self._account = account
        self._known: dict[str, Any] = {}
        self._lock = threading.Lock()

    def token(self, audience: str) -> str:
        """Return a token for a URL. Raises Denied where the credentials can make none."""
        with self._lock:
            if audience not in self._known:
                self._known[audience] = self._credentials(audience)
            credentials = self._known[audience]
            if not credentials.valid:
                credentials.refresh(Request())
            return str(credentials.token)

    def _credentials(self, audience: str) -> Any:
        account = self._account
        if account.impersonate:
            return impersonated_credentials.IDTokenCredentials(
                account.credentials, target_audience=audience, include_email=True
            )
        if account.access_token is not None:
            raise Denied(
                "an access token makes no identity token, which Cloud Run asks its callers for; "
                "set id_token in the block or BLUEWATER_GCP_ID_TOKEN, or impersonate a service "
                "account",
                code="IDENTITY",
            )
        if account.service_account_info is not None:
            info = json.loads(account.service_account_info.get_secret_value())
            made = service_account.IDTokenCredentials.from_service_account_info
            return made(info, target_audience=audience)
        return id_token.fetch_id_token_credentials(audience)
