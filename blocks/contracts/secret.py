"""Secrets by name; values never reach logs, reprs or task results."""

from __future__ import annotations

import abc
from typing import ClassVar, final

from pydantic import SecretStr

from blocks.contracts.base import Contract


class SecretStore(Contract):
    """Look secrets up by name, at the moment they are needed."""

    capability: ClassVar[str] = "secrets"

    @final
    def get(self, name: str) -> SecretStr:
        """Return the current value. Raises NotFound, naming where it was looked for."""
        with self._calling("get"):
            return self._get(name)

    @abc.abstractmethod
    def _get(self, name: str) -> SecretStr: ...
