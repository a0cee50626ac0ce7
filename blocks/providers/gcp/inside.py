"""Cloud Storage as a container of ours sees it: with the identity that its machine has."""

from __future__ import annotations

import os

import google.auth
from google.cloud import storage

from blocks.providers.gcp.gcs import Objects

PROJECT = "BLUEWATER_GCP_PROJECT"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def bucket() -> Objects:
    """Return the objects that the container may read and write."""
    credentials, project = google.auth.default(scopes=list(_SCOPES))
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    client = storage.Client(
        project=os.environ.get(PROJECT) or project,
        credentials=credentials,
        client_options={"api_endpoint": emulator} if emulator else None,
    )
    return Objects(client, kms_key=os.environ.get("BLUEWATER_GCP_KMS_KEY", ""))
