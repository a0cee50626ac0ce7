"""Secrets of Databricks' secret scopes."""

from __future__ import annotations

import base64
from typing import ClassVar

from databricks.sdk.errors.base import DatabricksError
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.contracts import NotFound, ProviderError, SecretStore
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.errors import code_of, explain, is_missing


class DatabricksSecrets(Block, SecretStore):
    """Looks secrets up in the account's scope; a name ``scope/key`` is looked up in its own."""

    _block_type_name = "Databricks secrets"
    _block_type_slug = "databricks-secrets"

    provider: ClassVar[str] = "databricks"

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Whose scope."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _get(self, name: str) -> SecretStr:
        scope, key = place_of(self.account, name)
        try:
            told = self.account.client(attempts=READS).secrets.get_secret(scope, key)
        except DatabricksError as error:
            if is_missing(error):
                raise NotFound(
                    f"no secret {key!r} in the scope {scope!r}", code=code_of(error)
                ) from error
            raise
        return SecretStr(base64.b64decode(told.value or "").decode())


def place_of(account: DatabricksWorkspace, name: str) -> tuple[str, str]:
    """Return scope and key that a name means."""
    scope, slash, key = name.partition("/")
    return (scope, key) if slash else (account.scope, name)


def reference_to(account: DatabricksWorkspace, name: str) -> str:
    """Return how the environment of a cluster or an endpoint names a secret."""
    scope, key = place_of(account, name)
    return f"{{{{secrets/{scope}/{key}}}}}"


def keep_secret(account: DatabricksWorkspace, name: str, value: str) -> None:
    """Put a secret there, or a new value of one that is there."""
    scope, key = place_of(account, name)
    account.client().secrets.put_secret(scope, key, string_value=value)
