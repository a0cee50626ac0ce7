"""How benches and rehearsals put secrets into an emulated Secret Manager."""

from __future__ import annotations

import contextlib

from google.api_core.exceptions import AlreadyExists
from google.cloud.secretmanager_v1 import Replication, Secret, SecretPayload
from google.cloud.secretmanager_v1 import SecretManagerServiceClient as Client

from blocks.providers.gcp.account import GcpAccount


def keep_secret(account: GcpAccount, name: str, value: str) -> None:
    """Put a secret there, or a new value into one that is there."""
    secrets, parent = account.client(Client), f"projects/{account.project_id}"
    automatic = Secret(replication=Replication(automatic=Replication.Automatic()))
    with contextlib.suppress(AlreadyExists):
        secrets.create_secret(parent=parent, secret_id=name, secret=automatic)
    payload = SecretPayload(data=value.encode())
    secrets.add_secret_version(parent=f"{parent}/secrets/{name}", payload=payload)
