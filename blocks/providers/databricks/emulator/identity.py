"""Who calls: OAuth tokens of service principals, personal access tokens, and what runs inside."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Collection

from werkzeug.wrappers import Request, Response

from blocks.providers.databricks.emulator.launch import CONTAINERS, WORKSPACE
from blocks.providers.databricks.emulator.refusals import Refused

LIFETIME = 3600  # seconds of a token
PERSONAL = "dapi-"  # what personal access tokens begin with here; the rest is their name


class Identity:
    """Issues tokens to whoever brings a secret, and reads them back."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def caller(self, request: Request, inside: Collection[str]) -> str:
        """Return who calls; ``inside`` are tokens that were given to what runs in the workspace.

        Raises Refused without a token of this world.
        """
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            told = "Credential was not sent or was of an unsupported type for this API."
            raise Refused("UNAUTHENTICATED", told, 401)
        if token in inside:
            return CONTAINERS
        if token.startswith(PERSONAL):
            return token.removeprefix(PERSONAL)
        name, _, rest = token.rpartition(".")[0].rpartition(".")
        if not hmac.compare_digest(token, self._token(name, rest)):
            raise Refused("INVALID_TOKEN", "Invalid access token.", 403)
        if float(rest) < time.time():
            raise Refused("UNAUTHENTICATED", "Access token expired.", 401)
        return name

    def sign_in(self, request: Request) -> Response:
        """Answer a service principal's request for a token."""
        if request.form.get("grant_type") != "client_credentials":
            return _json({"error": "unsupported_grant_type"}, 400)
        given = request.authorization
        if given is None or not given.username or not given.password:
            told = "Client authentication failed"
            return _json({"error": "invalid_client", "error_description": told}, 401)
        token = self._token(str(given.username), str(int(time.time()) + LIFETIME))
        return _json({"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME})

    def _token(self, name: str, expires: str) -> str:
        body = f"{name}.{expires}"
        signature = hmac.new(self._secret, body.encode(), hashlib.sha256).digest()
        return f"{body}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def configuration(url: str) -> Response:
    """Tell what a host is, before anybody signs in."""
    return _json({"oidc_endpoint": f"{url}/oidc", "workspace_id": WORKSPACE, "cloud": "AWS"})


def openid(url: str) -> Response:
    """Tell where tokens are to be had."""
    return _json(
        {
            "authorization_endpoint": f"{url}/oidc/v1/authorize",
            "token_endpoint": f"{url}/oidc/v1/token",
        }
    )


def _json(value: dict[str, object], status: int = 200) -> Response:
    return Response(json.dumps(value), status=status, content_type="application/json")
