"""Secret Manager: secrets with versions, the latest of which is looked up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import google_crc32c
import grpc
from google.cloud.secretmanager_v1.types import (
    AccessSecretVersionResponse,
    Secret,
    SecretPayload,
    SecretVersion,
)

from blocks.providers.gcp.emulator.references import require_labels
from blocks.providers.gcp.emulator.refusals import GcpError, invalid, not_found
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.world import World

_ID = re.compile(r"[a-zA-Z0-9_-]{1,255}")
_MOST = 64 * 1024  # bytes of a payload


class Secrets:
    """CreateSecret, AddSecretVersion, AccessSecretVersion, GetSecret."""

    unlocked: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, world: World) -> None:
        self._world = world
        self._secrets: dict[str, Secret] = {}
        self._values: dict[str, list[bytes]] = {}

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {
            "SecretManagerService.CreateSecret": self._create,
            "SecretManagerService.GetSecret": lambda asked: self._known(asked.name),
            "SecretManagerService.AddSecretVersion": self._add,
            "SecretManagerService.AccessSecretVersion": self._access,
        }

    def _create(self, asked: Any) -> Secret:
        if not _ID.fullmatch(asked.secret_id):
            raise invalid(f"Invalid secret_id: {asked.secret_id!r}")
        require_labels(asked.secret.labels)
        name = f"{asked.parent}/secrets/{asked.secret_id}"
        if name in self._secrets:
            raise GcpError(grpc.StatusCode.ALREADY_EXISTS, f"Secret [{name}] already exists.")
        if "replication" not in asked.secret:
            raise invalid("The field secret.replication is required but missing.")
        self._secrets[name] = Secret(name=name, replication=asked.secret.replication)
        self._values[name] = []
        return self._secrets[name]

    def _add(self, asked: Any) -> SecretVersion:
        secret = self._known(asked.parent)
        if not asked.payload.data:
            raise invalid("Secret Payload cannot be empty.")
        if len(asked.payload.data) > _MOST:
            raise invalid(f"Secret Payload is larger than {_MOST} bytes.")
        if "data_crc32c" in asked.payload and asked.payload.data_crc32c != google_crc32c.value(
            asked.payload.data
        ):
            raise invalid("The checksum of the payload does not match its data.")
        self._values[secret.name].append(asked.payload.data)
        number = len(self._values[secret.name])
        return SecretVersion(name=f"{secret.name}/versions/{number}", state="ENABLED")

    def _access(self, asked: Any) -> AccessSecretVersionResponse:
        name, _, version = asked.name.partition("/versions/")
        values = self._values[self._known(name).name]
        if version != "latest" and not version.isdecimal():
            raise invalid(f"Invalid version: {version!r}")
        number = len(values) if version == "latest" else int(version)
        if not 0 < number <= len(values):
            raise not_found(asked.name)
        data = values[number - 1]
        return AccessSecretVersionResponse(
            name=f"{name}/versions/{number}",
            payload=SecretPayload(data=data, data_crc32c=google_crc32c.value(data)),
        )

    def _known(self, name: str) -> Secret:
        if name not in self._secrets:
            raise GcpError(grpc.StatusCode.NOT_FOUND, f"Secret [{name}] not found.")
        return self._secrets[name]
