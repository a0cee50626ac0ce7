"""Who may tell us something: whoever knows the secret, and shows it in a way that its kind can."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

FRESH = timedelta(minutes=5)  # a signed message that is older may have been recorded


def knows(secret: str, *, headers: Mapping[str, str], query: Mapping[str, str]) -> bool:
    """Whether a request shows the secret itself.

    As a bearer token (EventBridge), as a password (SNS), or as ``?token=`` where a sender has
    neither (Pub/Sub, Event Grid).
    """
    kind, _, shown = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            _, _, shown = base64.b64decode(shown).decode().partition(":")
        except ValueError:
            return False
    elif kind.lower() != "bearer":
        shown = query.get("token", "")
    return hmac.compare_digest(shown.encode(), secret.encode())


def signed_by_mlflow(
    secret: str, *, headers: Mapping[str, str], body: bytes, now: datetime
) -> bool:
    """Whether MLflow signed the message with the secret, a short time ago.

    https://mlflow.org/docs/latest/ml/webhooks/#signature-verification
    """
    stamp, delivery = headers.get("x-mlflow-timestamp", ""), headers.get("x-mlflow-delivery-id", "")
    if not stamp.isascii() or not stamp.isdigit():
        return False
    if abs(now - datetime.fromtimestamp(int(stamp), UTC)) > FRESH:
        return False
    content = f"{delivery}.{stamp}.".encode() + body
    made = base64.b64encode(hmac.digest(secret.encode(), content, hashlib.sha256)).decode()
    given = headers.get("x-mlflow-signature", "")
    return hmac.compare_digest(given.encode(), f"v1,{made}".encode())
