"""Code of the workspace: folders that callers upload to a container, by a signed link."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from blocks.providers.azure.emulator.launch import STORAGE
from blocks.providers.azure.emulator.operations import ML, Asked, Route, Said, Told
from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.resources import Resource
from blocks.providers.azure.emulator.world import World

_CODES = Resource(group="Codes", path="codes/{name}/versions/{version}", model="CodeVersion")


class Codes:
    """Takes uploads of code, and keeps where it lies."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            _CODES.list(self.list),
            _CODES.post(
                "startPendingUpload", self.upload, takes="write", model="PendingUploadRequestDto"
            ),
            _CODES.put(self.create),
            _CODES.get(self.get),
        )

    def list(self, asked: Asked) -> Said:
        """Tell the version whose content has the hash that is asked for."""
        found = [
            each
            for each in self._of(asked["name"])
            if _hash(each) == asked.request.args.get("hash")
        ]
        return {"value": found}

    def upload(self, asked: Asked) -> Said:
        """Make a container, and tell a link by which it is filled."""
        container = f"code-{uuid.uuid4()}"
        self._world.blobs.create(container)
        place = f"{self._world.url}/{STORAGE}/{container}"
        signed = self._world.identity.signed(container, folder=True)
        return {
            "pendingUploadType": "TemporaryBlobReference",
            "blobReferenceForConsumption": {
                "blobUri": place,
                "storageAccountArmId": self._world.resource(""),
                "credential": {"credentialType": "SAS", "sasUri": f"{place}?{signed}"},
            },
        }

    def create(self, asked: Asked) -> Told:
        """Keep where a version lies."""
        told: Said = {
            "id": self._id(asked["name"], asked["version"]),
            "name": asked["version"],
            "type": f"{ML}/codes/versions",
            "properties": asked.body["properties"],
            "systemData": self._world.made(self._world.clock.now()),
        }
        self._world.assets[told["id"].lower()] = told
        return Told(body=told, status=201)

    def get(self, asked: Asked) -> Said:
        """Tell of a version."""
        found = self._world.assets.get(self._id(asked["name"], asked["version"]).lower())
        if found is None:
            raise AzureError("UserError", f"no code {asked['name']}:{asked['version']}", 404)
        return found

    def _id(self, name: str, version: str) -> str:
        return self._world.resource(f"codes/{name}/versions/{version}")

    def _of(self, name: str) -> Sequence[Said]:
        mine = self._world.resource(f"codes/{name}/versions/").lower()
        return [each for key, each in self._world.assets.items() if key.startswith(mine)]


def _hash(told: Said) -> Any:
    return (told["properties"].get("properties") or {}).get("hash_sha256")
