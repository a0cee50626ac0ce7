"""Let an MLflow server tell the receiver what becomes of versions in its registry."""

from __future__ import annotations

from typing import Any

import httpx

NAME = "bluewater-receiver"  # letters, digits, and -._ between them
EVENTS = (
    ("MODEL_VERSION_TAG", "SET"),
    ("MODEL_VERSION", "CREATED"),
    ("MODEL_VERSION_ALIAS", "CREATED"),
)
_PLACE = "/api/2.0/mlflow/webhooks"


def ensure_webhook(mlflow: str, receiver: str, *, login: str, secret: str) -> None:
    """Make the webhook, or bring it up to date; ``login`` is ``user:password`` of an administrator.

    https://mlflow.org/docs/latest/ml/webhooks/. Raises httpx.HTTPError if MLflow does not take it.
    """
    user, _, password = login.partition(":")
    wanted: dict[str, Any] = {
        "name": NAME,
        "url": f"{receiver}/mlflow",
        "description": "A version tagged `retrain` asks for a retrain.",
        "events": [{"entity": entity, "action": action} for entity, action in EVENTS],
        "secret": secret,
        "status": "ACTIVE",
    }
    with httpx.Client(base_url=mlflow, auth=(user, password), timeout=60) as client:
        told = client.get(_PLACE, params={"max_results": 100}).raise_for_status().json()
        for each in told.get("webhooks", ()):
            if each["name"] == NAME:
                place = f"{_PLACE}/{each['webhook_id']}"
                client.patch(place, json=wanted).raise_for_status()
                return
        client.post(_PLACE, json=wanted).raise_for_status()
