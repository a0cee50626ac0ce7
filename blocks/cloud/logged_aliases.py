"""Registries whose aliases mean what a log of ours says, since their own go to the last writer."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from functools import partial

from blocks.cloud.alias_log import AliasLog, require_alias
from blocks.contracts import ModelRegistry, ModelVersion, NotFound, Promotion


class LoggedAliases(ModelRegistry):
    """What is alike for all of them. A cloud says where the log is, and how it shows a move."""

    @abc.abstractmethod
    def _log(self, name: str) -> AliasLog:
        """Return the log of a model's aliases."""

    @abc.abstractmethod
    def _show(self, name: str, move: Promotion) -> None:
        """Repeat in the cloud's own registry what an alias means now. May be repeated."""

    def _require_alias(self, alias: str) -> None:
        """Raise InvalidRequest for a name that this registry would not take."""
        require_alias(alias)

    def _is_there(self, name: str, version: str) -> bool:
        """Whether a version is registered."""
        return self._find(name, version) is not None

    def _resolve(self, name: str, alias: str) -> ModelVersion | None:
        now = self._log(name).now(alias)
        return self._find(name, now.version) if now else None

    def _promote(
        self, model: ModelVersion, alias: str, replacing: ModelVersion | None, by: str
    ) -> None:
        self._require_alias(alias)
        if not self._is_there(model.name, model.version):
            raise NotFound(f"there is no version {model.version} of {model.name!r}", code="VERSION")
        self._log(model.name).move(
            model.name,
            alias,
            model.version,
            replacing=replacing.version if replacing else None,
            by=by,
            there=partial(self._is_there, model.name),
            show=partial(self._show, model.name),
        )

    def _history(self, name: str, alias: str) -> Sequence[Promotion]:
        return self._log(name).moves(alias)
