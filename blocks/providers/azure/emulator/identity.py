"""Who calls: access tokens as Microsoft Entra issues them, and the links that are signed instead.

Tokens are signed with a word of this world, so that one of another world is worth nothing here.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from blocks.providers.azure.emulator.launch import IDENTITY, TENANT
from blocks.providers.azure.emulator.refusals import AzureError

LIFETIME = 3600  # seconds of a token
MANAGED = "rehearsal-identity"  # what a container shows in place of a secret


class Identity:
    """Issues tokens to whoever brings a secret, and reads them back."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def caller(self, request: Request) -> str:
        """Return the application that calls. Raises AzureError without a token of ours."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        claims = self._read(token) if scheme == "Bearer" else None
        if claims is None:
            raise AzureError(
                "InvalidAuthenticationToken",
                "The access token is missing or invalid.",
                401,
                headers={"WWW-Authenticate": _challenge(request)},
            )
        if claims["exp"] < time.time():
            raise AzureError("ExpiredAuthenticationToken", "The access token has expired.", 401)
        return str(claims["appid"])

    def sign_in(self, request: Request) -> Response:
        """Answer a service principal's request for a token."""
        form = request.form
        if form.get("grant_type") != "client_credentials" or not form.get("client_secret"):
            raise AzureError("invalid_request", "AADSTS900144: client_secret is missing.", 400)
        token = self._issued(form["client_id"], form.get("scope", ""))
        return _json({"token_type": "Bearer", "expires_in": LIFETIME, "access_token": token})

    def of_the_machine(self, request: Request) -> Response:
        """Answer a container's request for a token of its managed identity."""
        if request.headers.get("secret") != MANAGED:
            raise AzureError("invalid_request", "the secret is wrong", 401)
        token = self._issued(IDENTITY, request.args.get("resource", ""))
        expires = str(int(time.time()) + LIFETIME)
        return _json({"access_token": token, "expires_on": expires, "token_type": "Bearer"})

    def of_a_run(self) -> str:
        """Return the token by which a job logs to its workspace, whatever its identity may do."""
        return self._issued("run", "")

    def signed(self, resource: str, *, folder: bool = False) -> str:
        """Return the query of a link that opens one blob, or one container, for who has it."""
        kind = "sr=c&sp=racwl" if folder else "sr=b&sp=r"
        return f"sv=2024-11-04&{kind}&sig={self._signature(resource.encode())}"

    def opens(self, query: Mapping[str, str], resource: str) -> bool:
        """Whether a link was signed for that resource."""
        if query.get("sr") == "c":
            resource = resource.partition("/")[0]
        return hmac.compare_digest(query.get("sig", ""), self._signature(resource.encode()))

    def _issued(self, application: str, audience: str) -> str:
        now = int(time.time())
        claims = {
            "tid": TENANT,
            "oid": application,
            "appid": application,
            "aud": audience.removesuffix("/.default"),
            "iat": now,
            "exp": now + LIFETIME,
        }
        body = f"{_packed({'alg': 'HS256', 'typ': 'JWT'})}.{_packed(claims)}"
        return f"{body}.{self._signature(body.encode())}"

    def _read(self, token: str) -> dict[str, Any] | None:
        body, _, signature = token.rpartition(".")
        if not body or not hmac.compare_digest(signature, self._signature(body.encode())):
            return None
        claims: dict[str, Any] = json.loads(_unpacked(body.rpartition(".")[2]))
        return claims

    def _signature(self, content: bytes) -> str:
        return _text(hmac.new(self._secret, content, hashlib.sha256).digest())


def openid(request: Request) -> Response:
    """Tell where tokens are to be had, as every tenant does."""
    here = f"{request.host_url.rstrip('/')}/{TENANT}"
    return _json(
        {
            "issuer": f"{here}/v2.0",
            "authorization_endpoint": f"{here}/oauth2/v2.0/authorize",
            "token_endpoint": f"{here}/oauth2/v2.0/token",
        }
    )


def _challenge(request: Request) -> str:
    here = f"{request.host_url.rstrip('/')}/{TENANT}"
    return f'Bearer authorization="{here}", resource="https://vault.azure.net"'


def _packed(value: Mapping[str, Any]) -> str:
    return _text(json.dumps(value).encode())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _json(value: Mapping[str, Any]) -> Response:
    return Response(json.dumps(value), content_type="application/json")
