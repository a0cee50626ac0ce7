"""Which secrets and objects Secret Manager and Cloud Storage take, through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import storage
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.oauth2.credentials import Credentials

from blocks.providers.gcp.account import GcpAccount


def test_secrets_have_names_values_and_versions_that_can_be(account: GcpAccount) -> None:
    secrets, parent = account.client(SecretManagerServiceClient), f"projects/{account.project}"
    wanted: dict[str, Any] = {"replication": {"automatic": {}}}
    for id_, secret in (("with space", wanted), ("s", {}), ("", wanted)):
        with pytest.raises(exceptions.InvalidArgument):
            secrets.create_secret(parent=parent, secret_id=id_, secret=secret)
    made = secrets.create_secret(parent=parent, secret_id="s", secret=wanted)
    with pytest.raises(exceptions.AlreadyExists):
        secrets.create_secret(parent=parent, secret_id="s", secret=wanted)
    for payload in ({"data": b""}, {"data": b"x" * 65537}, {"data": b"x", "data_crc32c": 1}):
        with pytest.raises(exceptions.InvalidArgument):
            secrets.add_secret_version(parent=made.name, payload=payload)
    with pytest.raises(exceptions.InvalidArgument):
        secrets.access_secret_version(name=f"{made.name}/versions/newest")
    with pytest.raises(exceptions.NotFound):
        secrets.access_secret_version(name=f"{made.name}/versions/1")


def test_buckets_keep_to_their_preconditions(account: GcpAccount) -> None:
    client = storage.Client(
        project=account.project,
        credentials=Credentials("ya29.somebody"),
        client_options={"api_endpoint": account.storage_endpoint},
    )
    bucket = client.create_bucket("kept")
    with pytest.raises(exceptions.Conflict):
        client.create_bucket("kept")
    blob = bucket.blob("one")
    blob.upload_from_string("1")
    for generation in (0, 1):
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.blob("one").upload_from_string("2", if_generation_match=generation)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.delete(if_generation_match=1)
    with pytest.raises(exceptions.NotFound):
        bucket.blob("two").download_as_bytes()
    with pytest.raises(exceptions.NotFound):
        client.bucket("nobodys").blob("one").upload_from_string("1")
