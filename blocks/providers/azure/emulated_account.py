"""An account in an emulated subscription."""

from __future__ import annotations

from pydantic import SecretStr

from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulator import launch

VAULT, WORD = "rehearsal", "rehearsal"  # any will do


def emulated_account(
    emulator: launch.Subscription, *, owner: str, client: str, prefix: str = "bluewater"
) -> AzureAccount:
    """Return the account of an owner who calls as the application ``client``."""
    return AzureAccount(
        subscription=launch.SUBSCRIPTION,
        resource_group=launch.GROUP,
        workspace=launch.WORKSPACE,
        location=launch.LOCATION,
        tenant=launch.TENANT,
        client_id=client,
        client_secret=SecretStr(WORD),
        endpoint=emulator.url,
        ca_file=str(emulator.ca),
        storage_account=launch.STORAGE,
        container=launch.CONTAINER,
        datastore=launch.DATASTORE,
        prefix=prefix,
        vault=VAULT,
        owner=owner,
    )
