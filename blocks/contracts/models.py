"""Which model versions exist, where they came from, and which one is meant by a name."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, final

from blocks.contracts.base import Contract
from blocks.contracts.errors import Unsupported
from blocks.contracts.operation import Frozen, RunKey, added_field


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryFeatures:
    """What a provider's registry can do."""

    scheme: str  # of the folders that it registers: s3, gs, abfss, dbfs, file
    aliases: bool
    guarded_promotion: bool  # two promoters at once: exactly one wins; False = last write wins

    def require_aliases(self) -> None:
        """Raise Unsupported where names cannot be given to versions."""
        if not self.aliases:
            raise Unsupported(
                "this registry has no aliases; name a version instead", code="ALIASES"
            )


class ModelDraft(Frozen):
    """A trained model on its way into the registry, with all it came from."""

    name: str
    uri: str  # folder in MLflow's model format
    digest: str  # sha256 of that folder, as ``blocks.workload.digest`` computes it
    metrics: Mapping[str, float] = {}
    lineage: Mapping[str, str] = {}  # run, data fingerprint, code revision, environment lock digest
    evidence: Mapping[str, str] = {}  # file name -> URI of what is kept with the version
    carried_from: str = added_field("")  # URI of which ``uri`` is a copy, on whatever machine

    @property
    def identity(self) -> ModelDraft:
        """The draft as tokens see it: wherever it was carried, it is the same."""
        if not self.carried_from:
            return self
        evidence = dict.fromkeys(self.evidence, "")
        return self.model_copy(update={"uri": self.carried_from, "evidence": evidence})


class ModelVersion(Frozen):
    """One immutable entry of the registry."""

    name: str
    version: str
    uri: str  # where the registry keeps the folder
    digest: str
    metrics: Mapping[str, float] = {}
    lineage: Mapping[str, str] = {}
    evidence: Mapping[str, str] = {}  # file name -> URI where the registry keeps it
    url: str = ""  # a page that a person can open


class Promotion(Frozen):
    """One move of an alias. The list of them is append-only."""

    alias: str
    version: str
    replaced: str | None  # the version before; None = the alias was new
    at: datetime
    by: str = ""  # the run, or the person, that moved it


class ModelRegistry(Contract):
    """Record model versions and say which one an alias means. Aliases, never stages."""

    capability: ClassVar[str] = "models"
    features: ClassVar[RegistryFeatures]

    @final
    def register(self, draft: ModelDraft, *, key: RunKey) -> ModelVersion:
        """Record a version, or return the one already recorded under this key.

        Raises InvalidRequest if the folder's digest is not the draft's.
        """
        with self._calling("register"):
            return self._register(draft, key.token(draft.identity))

    @final
    def find(self, name: str, version: str) -> ModelVersion | None:
        """Return that version, or None if there is none."""
        with self._calling("find"):
            return self._find(name, version)

    @final
    def resolve(self, name: str, alias: str) -> ModelVersion | None:
        """Return the version an alias points to, or None if it points nowhere."""
        with self._calling("resolve"):
            self.features.require_aliases()
            return self._resolve(name, alias)

    @final
    def promote(
        self, model: ModelVersion, alias: str, *, replacing: ModelVersion | None, by: str = ""
    ) -> None:
        """Point ``alias`` at ``model``. Pointing it where it points already does nothing.

        Raises Conflict if it no longer points at ``replacing``.
        """
        with self._calling("promote"):
            self.features.require_aliases()
            self._promote(model, alias, replacing, by)

    @final
    def history(self, name: str, alias: str) -> Sequence[Promotion]:
        """Return every move of the alias, oldest first."""
        with self._calling("history"):
            self.features.require_aliases()
            return self._history(name, alias)

    @abc.abstractmethod
    def _register(self, draft: ModelDraft, token: str) -> ModelVersion: ...
    @abc.abstractmethod
    def _find(self, name: str, version: str) -> ModelVersion | None: ...
    @abc.abstractmethod
    def _resolve(self, name: str, alias: str) -> ModelVersion | None: ...
    @abc.abstractmethod
    def _promote(
        self, model: ModelVersion, alias: str, replacing: ModelVersion | None, by: str
    ) -> None: ...
    @abc.abstractmethod
    def _history(self, name: str, alias: str) -> Sequence[Promotion]: ...
