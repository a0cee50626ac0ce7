"""Secrets of Google Cloud: Secret Manager."""

from __future__ import annotations

from typing import ClassVar

from google.api_core import exceptions
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.contracts import NotFound, ProviderError, SecretStore
from blocks.providers.gcp.account import READS, GcpAccount
from blocks.providers.gcp.errors import explain


class GcpSecrets(Block, SecretStore):
    """Looks secrets up in Secret Manager: the latest version, or one that the name says."""

    _block_type_name = "Google Cloud secrets"
    _block_type_slug = "gcp-secrets"

    provider: ClassVar[str] = "gcp"

    account: GcpAccount = Field(
        default_factory=GcpAccount, description="Whose secrets are looked up."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _get(self, name: str) -> SecretStr:
        secrets = self.account.client(SecretManagerServiceClient)
        try:
            told = secrets.access_secret_version(name=version_of(self.account, name), **READS)
        except exceptions.NotFound as error:
            raise NotFound(
                f"no secret {name!r} in Secret Manager of {self.account.project_id}; names are "
                "short, or whole as in projects/P/secrets/NAME/versions/1",
                code="NOT_FOUND",
            ) from error
        return SecretStr(told.payload.data.decode())


def version_of(account: GcpAccount, name: str) -> str:
    """Return the whole name of a secret's version: the latest where none is said."""
    whole = (
        name if name.startswith("projects/") else f"projects/{account.project_id}/secrets/{name}"
    )
    return whole if "/versions/" in whole else f"{whole}/versions/latest"
