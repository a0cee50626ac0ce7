"""A Key Vault's secrets."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any

from blocks.providers.azure.emulator.operations import Asked, Route, Said
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.world import World

_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")
_ACTION = "Microsoft.KeyVault/vaults/secrets"


class Vault:
    """Secrets by name; the last version is the one that counts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._secrets: dict[str, Said] = {}

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        get: dict[str, Any] = {"service": "vault", "method": "GET", "operation": "GetSecret"}
        get |= {"action": f"{_ACTION}/getSecret/action"}
        return (
            Route(**get, path="/secrets/{name}", handler=self.get),
            Route(**get, path="/secrets/{name}/{version}", handler=self.get),
            Route(
                service="vault",
                method="PUT",
                path="/secrets/{name}",
                operation="SetSecret",
                action=f"{_ACTION}/setSecret/action",
                handler=self.set,
            ),
        )

    def get(self, asked: Asked) -> Said:
        """Tell a secret."""
        found = self._secrets.get(_named(asked))
        if found is None:
            told = (
                f"A secret with (name/id) {asked['name']} was not found in this key vault. If you "
                "recently deleted this secret you may be able to recover it using the correct "
                "recovery command."
            )
            raise AzureError("SecretNotFound", told, 404)
        return found

    def set(self, asked: Asked) -> Said:
        """Keep a new version of a secret."""
        name = _named(asked)
        if not asked.body.get("value"):
            raise AzureError("BadParameter", "Property  has invalid value")
        told: Said = {
            "value": asked.body["value"],
            "id": f"{self._world.url}/secrets/{name}/{uuid.uuid4().hex}",
            "attributes": {"enabled": True, "created": 0, "updated": 0},
        }
        self._secrets[name] = told
        return told


def _named(asked: Asked) -> str:
    if not _NAME.fullmatch(asked["name"]):
        told = f"The request URI contains an invalid name: {asked['name']}"
        raise AzureError("BadParameter", told)
    return asked["name"]
