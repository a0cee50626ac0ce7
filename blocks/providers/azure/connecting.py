"""Making the clients of Azure's SDK for an account: as whom they call, and what they are told."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from azure.ai.ml import MLClient
from azure.ai.ml._utils import _azureml_polling
from azure.core.credentials import TokenCredential
from azure.identity import (
    ClientSecretCredential,
    DefaultAzureCredential,
    ManagedIdentityCredential,
)

from blocks.contracts import InvalidRequest
from blocks.providers.azure.clouds import CLOUDS, emulated

if TYPE_CHECKING:
    from blocks.providers.azure.account import AzureAccount

# It tells of each deployment that it looks at, and warns of every field that is new in the service
# each time that one is used.
logging.getLogger("azure.ai.ml").setLevel(logging.WARNING)
for _name in ("_utils._experimental", "_schema.core.fields"):
    logging.getLogger(f"azure.ai.ml.{_name}").setLevel(logging.ERROR)
# It prints a dot for each look at a deployment, from threads that nobody waits for.
vars(_azureml_polling)["print"] = lambda *_, **__: None


def credential_of(account: AzureAccount) -> TokenCredential:
    """Return what signs in as an account says."""
    where: Mapping[str, Any] = {"authority": f"https://{CLOUDS[account.cloud].authority}"}
    if account.endpoint:
        where = {"authority": account.endpoint, "disable_instance_discovery": True}
    trust = account.trust()
    if account.client_secret is not None:
        secret = account.client_secret.get_secret_value()
        return ClientSecretCredential(account.tenant, account.client_id, secret, **where, **trust)
    if account.managed_identity:
        return ManagedIdentityCredential(client_id=account.client_id or None, **trust)
    return DefaultAzureCredential(**where, **trust)


def workspace_client(account: AzureAccount, attempts: int) -> MLClient:
    """Return the client of an account's workspace.

    Raises InvalidRequest where none is named, or it is not as demanded.
    """
    for name in ("subscription", "resource_group", "workspace"):
        if not getattr(account, name):
            raise InvalidRequest(f"no {name}; set it in the Azure account block", code=name.upper())
    place = (account.subscription, account.resource_group, account.workspace)
    client = _client(account, attempts, *place)
    if account.demands.any:
        account.demands.require(client.workspaces.get(account.workspace))
    return client


def registry_client(account: AzureAccount, registry: str, attempts: int) -> MLClient:
    """Return the client of a registry: where that is, the SDK asks as soon as one is made."""
    return _client(account, attempts, registry_name=registry)


def _client(account: AzureAccount, attempts: int, *place: str, **more: str) -> MLClient:
    client = MLClient(
        account.credential,
        *place,
        show_progress=False,
        enable_telemetry=False,
        **more,
        **(emulated(account.endpoint) if account.endpoint else {"cloud": account.cloud}),
        **account.options(attempts),
    )
    if account.endpoint:
        # The SDK leaves the name of its cloud there, which nobody that we start could import
        # it under: only this process knows of an emulator.
        os.environ.pop("AZUREML_CURRENT_CLOUD", None)
    return client
