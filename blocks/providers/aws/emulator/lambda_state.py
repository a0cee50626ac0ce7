"""Functions, versions and aliases as Lambda keeps them. Guarded by the world's lock."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from blocks.providers.aws.emulator.lambda_pool import Pool

LATEST = "$LATEST"


def revision() -> str:
    """Return a new revision id."""
    return str(uuid.uuid4())


@dataclass(slots=True, kw_only=True)
class Version:
    """A version of a function, or its unpublished state."""

    arn: str
    number: str
    config: dict[str, Any]
    changed: float
    ready_at: float  # until then it is pending, or being updated
    pool: Pool
    description: str = ""
    revision: str = field(default_factory=revision)
    provisioned: int | None = None

    def state(self, now: float) -> str:
        """Return Pending or Active."""
        return "Active" if now >= self.ready_at else "Pending"

    def told(self, now: float, *, created: bool) -> dict[str, Any]:
        """Return its configuration; ``created`` is whether the function was there before."""
        updating = created and self.state(now) == "Pending"
        asked = dict(self.config)
        return {
            "FunctionName": asked.pop("FunctionName"),
            "FunctionArn": self.arn,
            "Role": asked["Role"],
            "Description": self.description,
            "Timeout": asked.get("Timeout", 3),
            "MemorySize": asked.get("MemorySize", 128),
            "EphemeralStorage": asked.get("EphemeralStorage", {"Size": 512}),
            "Environment": {"Variables": asked.get("Environment", {}).get("Variables", {})},
            "PackageType": "Image",
            "Architectures": asked.get("Architectures", ["x86_64"]),
            "LastModified": datetime.fromtimestamp(self.changed, UTC).isoformat(),
            "CodeSha256": "0" * 64,
            "Version": self.number,
            "RevisionId": self.revision,
            "State": "Active" if updating else self.state(now),
            "LastUpdateStatus": "InProgress" if updating else "Successful",
        }


@dataclass(slots=True, kw_only=True)
class Alias:
    """A name for a version, or for two of them with a weight."""

    arn: str
    name: str
    version: str
    weights: dict[str, float]
    description: str = ""
    revision: str = field(default_factory=revision)

    def told(self) -> dict[str, Any]:
        """Return it as Lambda tells it."""
        found: dict[str, Any] = {
            "AliasArn": self.arn,
            "Name": self.name,
            "FunctionVersion": self.version,
            "Description": self.description,
            "RevisionId": self.revision,
        }
        if self.weights:
            found["RoutingConfig"] = {"AdditionalVersionWeights": dict(self.weights)}
        return found


@dataclass(slots=True, kw_only=True)
class Function:
    """A function with all its versions and aliases."""

    name: str
    arn: str
    image: str
    latest: Version
    tags: dict[str, str]
    versions: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    published: int = 0
    updated: bool = False  # since it was created

    def version(self, qualifier: str) -> Version | None:
        """Return a version by its number."""
        return self.latest if qualifier in ("", LATEST) else self.versions.get(qualifier)
