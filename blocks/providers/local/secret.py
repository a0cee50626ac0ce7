"""Secrets of this machine: environment variables, then Prefect's secret blocks."""

from __future__ import annotations

import json
import os
import re
from http import HTTPStatus
from typing import Any, ClassVar, cast

import httpx
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.settings import get_current_settings
from pydantic import SecretStr

from blocks.contracts import Denied, NotFound, ProviderError, SecretStore, Unavailable

PREFIX = "BLUEWATER_SECRET_"


class LocalSecrets(Block, SecretStore):
    """Looks secrets up in the environment, then in Prefect where an API is configured."""

    _block_type_name = "Local secrets"
    _block_type_slug = "local-secrets"

    provider: ClassVar[str] = "local"

    def _explain(self, error: Exception) -> ProviderError | None:
        """Sort what Prefect's client raises on its way to the API."""
        if isinstance(error, httpx.HTTPStatusError):
            refused = error.response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
            return Denied(str(error)) if refused else Unavailable(str(error))
        return Unavailable(str(error)) if isinstance(error, httpx.TransportError) else None

    def _get(self, name: str) -> SecretStr:
        variable = variable_of(name)
        if variable in os.environ:
            return SecretStr(os.environ[variable])
        if not get_current_settings().api.url:
            raise NotFound(
                f"no secret {name!r}: set the environment variable {variable}, or configure a "
                "Prefect API that has a secret block of that name"
            )
        try:
            value = cast("Secret[Any]", Secret.load(name)).value.get_secret_value()
        except ValueError as error:  # what Prefect raises for a block that is not there
            raise NotFound(
                f"no secret {name!r}: neither the environment variable {variable} nor a Prefect "
                "secret block of that name is there"
            ) from error
        return SecretStr(value if isinstance(value, str) else json.dumps(value))


def variable_of(name: str) -> str:
    """Return the environment variable that is asked first for a secret of that name."""
    return PREFIX + re.sub(r"\W", "_", name).upper()
