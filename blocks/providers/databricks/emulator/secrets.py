"""Secret scopes."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.refusals import Refused, invalid, missing
from blocks.providers.databricks.emulator.world import World

_NAME = re.compile(r"[\w.@/-]{1,128}", re.ASCII)
_LARGEST = 128 << 10  # bytes of a value


class Secrets:
    """Values by scope and key; they are kept in memory alone."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        api = "workspace:SecretsAPI"
        return (
            Route(sdk=f"{api}.get_secret", action="scope READ", handler=self.get),
            Route(sdk=f"{api}.put_secret", action="scope WRITE", handler=self.put),
            Route(sdk=f"{api}.create_scope", action="scope MANAGE", handler=self.create_scope),
        )

    def get(self, asked: Asked) -> Said:
        """Tell a secret."""
        scope, key = asked.query["scope"], asked.query["key"]
        self._known(scope)
        value = self._world.secret(scope, key)
        if value is None:
            raise missing(f"Secret does not exist with scope: {scope} and key: {key}")
        return {"key": key, "value": base64.b64encode(value.encode()).decode()}

    def put(self, asked: Asked) -> Said:
        """Keep a secret, in place of one of its name."""
        scope, key, value = asked.body["scope"], asked.body["key"], asked.body.get("string_value")
        self._known(scope)
        if not _NAME.fullmatch(key):
            raise invalid(f"Invalid secret key: {key}")
        if not value:
            raise invalid("Exactly one of string_value and bytes_value must be given.")
        if len(value.encode()) > _LARGEST:
            raise invalid("The secret value is larger than 128 KB.")
        self._world.secrets[scope][key] = value
        return {}

    def create_scope(self, asked: Asked) -> Said:
        """Make a scope."""
        scope = asked.body["scope"]
        if not _NAME.fullmatch(scope):
            raise invalid(f"Invalid scope name: {scope}")
        if scope in self._world.secrets:
            raise Refused("RESOURCE_ALREADY_EXISTS", f"Scope {scope} already exists!", 400)
        self._world.secrets[scope] = {}
        return {}

    def _known(self, scope: str) -> None:
        if scope not in self._world.secrets:
            raise missing(f"Secret scope: {scope} does not exist!")
