"""Secrets of AWS: Secrets Manager, and parameters of SSM by names that begin with ``ssm:``."""

from __future__ import annotations

from typing import ClassVar

from botocore.exceptions import ClientError
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.contracts import NotFound, ProviderError, SecretStore
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import explain
from blocks.providers.aws.lookup import READS
from blocks.workload.secrets import fetch


class AwsSecrets(Block, SecretStore):
    """Looks secrets up in Secrets Manager, or as ``ssm:/path/name`` in SSM's Parameter Store."""

    _block_type_name = "AWS secrets"
    _block_type_slug = "aws-secrets"

    provider: ClassVar[str] = "aws"

    account: AwsAccount = Field(
        default_factory=AwsAccount, description="Whose secrets are looked up."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _get(self, name: str) -> SecretStr:
        try:
            value = fetch(lambda service: self.account.client(service, attempts=READS), name)
        except ClientError as error:
            known = explain(error)
            if isinstance(known, NotFound):
                raise NotFound(
                    f"no secret {name!r} in Secrets Manager or SSM of {self.account.region}; "
                    "names of SSM parameters begin with ssm:",
                    code=known.code,
                ) from error
            raise
        return SecretStr(value)
