"""Who calls, told by the bearer token, and what they may."""

from __future__ import annotations

import base64
import binascii
import json
from fnmatch import fnmatchcase

import grpc

from blocks.providers.gcp.emulator.refusals import GcpError, denied, info
from blocks.providers.gcp.emulator.world import World

ANONYMOUS = "anonymous"
_PARTS_OF_A_JWT = 3


def caller(world: World, authorization: str) -> str:
    """Return the key by which policies and the record know a caller.

    It is the token itself, or, of a service account, its e-mail: where it signed a token for
    itself, and where IAM made one for whoever acts as it.
    """
    token = authorization.removeprefix("Bearer ").strip()
    if minted := world.minted.get(token):
        if world.clock.now() >= minted.until:
            raise GcpError(
                grpc.StatusCode.UNAUTHENTICATED,
                "Request had invalid authentication credentials. Expected OAuth 2 access token.",
                info("ACCESS_TOKEN_EXPIRED"),
            )
        return minted.account
    parts = token.split(".")
    if len(parts) == _PARTS_OF_A_JWT:
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
            return str(claims["iss"])
        except (ValueError, KeyError, binascii.Error):
            raise GcpError(
                grpc.StatusCode.UNAUTHENTICATED, "Request had invalid authentication credentials."
            ) from None
    return token or ANONYMOUS


def permit(world: World, key: str, action: str) -> None:
    """Raise GcpError if the policy of a caller does not have a permission."""
    allowed = world.policies.get(key, ("*",))
    if not any(fnmatchcase(action, each) for each in allowed):
        raise denied(action)
