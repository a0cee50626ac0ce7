"""Secrets of Google Cloud by name, for a container: over HTTP, as the machine's own identity."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Mapping
from typing import Any

SECRETS = "BLUEWATER_GCP_SECRETS"  # where Secret Manager is, if not at Google's address
_SECRET_MANAGER = "https://secretmanager.googleapis.com"  # noqa: S105
_METADATA = "metadata.google.internal"
_TOKEN = "computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105
_TIMEOUT = 30.0  # seconds


def fetch(version: str, environ: Mapping[str, str]) -> str:
    """Return the value of ``projects/P/secrets/NAME/versions/VERSION``, read as UTF-8."""
    where = environ.get(SECRETS) or _SECRET_MANAGER
    bearer = {"Authorization": f"Bearer {_token(environ)}"}
    told = _get(f"{where}/v1/{version}:access", bearer)
    return base64.b64decode(told["payload"]["data"]).decode()


def _token(environ: Mapping[str, str]) -> str:
    """Return a token of the service account that this machine runs as."""
    host = environ.get("GCE_METADATA_HOST") or _METADATA
    told = _get(f"http://{host}/{_TOKEN}", {"Metadata-Flavor": "Google"})
    return str(told["access_token"])


def _get(url: str, headers: Mapping[str, str]) -> Any:
    asked = urllib.request.Request(url, headers=dict(headers))  # noqa: S310 - our own addresses
    with urllib.request.urlopen(asked, timeout=_TIMEOUT) as reply:  # noqa: S310
        return json.load(reply)
