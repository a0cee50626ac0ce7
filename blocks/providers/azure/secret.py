"""Secrets of Azure's Key Vault."""

from __future__ import annotations

from typing import ClassVar

from azure.core.exceptions import HttpResponseError
from azure.keyvault.secrets import SecretClient
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.contracts import NotFound, ProviderError, SecretStore
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.answers import code_of, is_missing
from blocks.providers.azure.errors import explain
from blocks.providers.azure.lookup import READS
from blocks.workload.secrets import fetch_from_vault, is_challenged

_NO_NAME = "BadParameter"  # Key Vault's names are letters, digits and dashes


class AzureSecrets(Block, SecretStore):
    """Looks secrets up in a Key Vault."""

    _block_type_name = "Azure secrets"
    _block_type_slug = "azure-secrets"

    provider: ClassVar[str] = "azure"

    account: AzureAccount = Field(default_factory=AzureAccount, description="Whose vault.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _get(self, name: str) -> SecretStr:
        try:
            return SecretStr(fetch_from_vault(vault(self.account), name))
        except HttpResponseError as error:
            if is_missing(error) or code_of(error) == _NO_NAME:
                raise NotFound(
                    f"no secret {name!r} in the Key Vault {self.account.vault}; names have "
                    "letters, digits and dashes",
                    code=code_of(error),
                ) from error
            raise


def vault(account: AzureAccount) -> SecretClient:
    """Return the client of an account's vault."""
    url = account.vault_url
    return SecretClient(
        url,
        account.credential,
        verify_challenge_resource=is_challenged(url),
        **account.options(READS),
    )
