"""Cloud Storage as a container of ours sees it: with the identity that its machine has."""

from __future__ import annotations

import os

import google.auth
from google.cloud import storage

from blocks.providers.gcp.gcs import Objects

PROJECT = "BLUEWATER_GCP_PROJECT"
_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


def bucket(kind: type[Objects] = Objects) -> Objects:
    """Return the objects that the container may read and write, of our kind or of another."""
    credentials, project = google.auth.default(scopes=list(_SCOPES))
    emulator = os.environ.get("STORAGE_EMULATOR_HOST")
    client = storage.Client(
        project=os.environ.get(PROJECT) or project,
        credentials=credentials,
        client_options={"api_endpoint": emulator} if emulator else None,
    )
    return kind(client, kms_key=os.environ.get("BLUEWATER_GCP_KMS_KEY", ""))
