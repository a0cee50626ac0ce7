"""Pushes of Google Cloud Pub/Sub with a token of Google's: believed without the secret.

https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

KEYS = "https://www.googleapis.com/oauth2/v3/certs"
ISSUERS = ("https://accounts.google.com", "accounts.google.com")
NEEDED = ("exp", "iat", "aud", "iss", "email")

log = logging.getLogger("bluewater.receiver")


class KeysUnreachable(Exception):
    """Google's keys cannot be read now, so nobody knows who sent this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushes:
    """Pushes that are made as one service account, for one audience."""

    account: str  # its e-mail
    audience: str
    keys: jwt.PyJWKClient

    def believes(self, headers: Mapping[str, str]) -> bool:
        """Whether Google says that the account sent this. Raises KeysUnreachable."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return False
        try:
            key = self.keys.get_signing_key_from_jwt(token)
            claims = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self.audience,
                issuer=ISSUERS,
                options={"require": list(NEEDED)},
            )
        except jwt.PyJWKClientConnectionError as error:
            raise KeysUnreachable(str(error)) from error
        except jwt.PyJWTError as error:
            log.warning("a push is not believed: %s", error)
            return False
        return claims["email"] == self.account and claims.get("email_verified") is True
