"""Models in Unity Catalog, aliases and their history beside them in a volume."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import BinaryIO, ClassVar, cast

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.alias_log import AliasLog
from blocks.cloud.bucket import Found
from blocks.cloud.kept_models import from_record, keep, record_of
from blocks.cloud.logged_aliases import LoggedAliases
from blocks.cloud.numbered import Numbered
from blocks.contracts import (
    ModelDraft,
    ModelVersion,
    NotFound,
    Promotion,
    ProviderError,
    RegistryFeatures,
)
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.errors import explain
from blocks.providers.databricks.model_calls import (
    described,
    full_name,
    is_name,
    page_of,
    require_name,
)
from blocks.providers.databricks.unity import UnityVersions
from blocks.providers.databricks.volumes import Volumes


class UnityCatalogModels(Block, LoggedAliases):
    """Registers model versions in Unity Catalog, where MLflow finds ``models:/c.s.name@alias``.

    What belongs to a version besides is kept in the workspace's volume. The alias log there decides
    what an alias means, since Unity Catalog's own aliases go to whoever writes last; they repeat
    it for MLflow and for people.
    """

    _block_type_name = "Unity Catalog models"
    _block_type_slug = "databricks-models"

    provider: ClassVar[str] = "databricks"
    features: ClassVar[RegistryFeatures] = RegistryFeatures(
        scheme="dbfs", aliases=True, guarded_promotion=True
    )

    account: DatabricksWorkspace = Field(
        default_factory=DatabricksWorkspace, description="Where and as whom."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _register(self, draft: ModelDraft, token: str) -> ModelVersion:
        require_name(draft.name)
        folder, model = self._folder(draft.name, token), full_name(self.account, draft.name)
        if self._volumes.head(record_of(folder)) is None:
            keep(self._volumes, draft, folder)
        number = self._versions.recorded(
            model,
            token,
            source=f"{folder}/model",
            about=described(draft),
            tags=self.account.tags(token=token, digest=draft.digest),
        )
        self._versions.fill(model, number, self._files(f"{folder}/model"))
        return self._read(draft.name, folder, number)

    def _find(self, name: str, version: str) -> ModelVersion | None:
        if not (is_name(name) and version.isdigit()):
            return None
        found = self._versions.find(full_name(self.account, name), version)
        source, ours = (found.source or "" if found else ""), self._folder(name, "")
        if not (source.startswith(ours) and source.endswith("/model")):
            return None
        return self._read(name, source.removesuffix("/model"), version)

    def _show(self, name: str, move: Promotion) -> None:
        self._versions.show(full_name(self.account, name), move.alias, move.version)

    def _read(self, name: str, folder: str, number: str) -> ModelVersion:
        record = self._volumes.read(record_of(folder))
        if record is None:
            raise NotFound(f"the record {record_of(folder)} is gone", code="RECORD")
        version = from_record(record[0], number)
        return version.model_copy(update={"url": page_of(self.account, name, number)})

    def _files(self, folder: str) -> Iterator[tuple[str, Callable[[], BinaryIO]]]:
        for found in self._volumes.below(folder):
            yield found.name, partial(self._opened, found)

    def _opened(self, found: Found) -> BinaryIO:
        """Return a file of the volume as one of this machine: it may be larger than memory."""
        copy: BinaryIO = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - who asked closes
        for piece in self._volumes.parts(found):
            copy.write(piece)
        copy.seek(0)
        return copy

    def _folder(self, name: str, token: str) -> str:
        return f"{self.account.root}/models/{name}/versions/{token}"

    def _log(self, name: str) -> AliasLog:
        return AliasLog(self._volumes, f"{self.account.root}/models/{name}/aliases")

    @cached_property
    def _volumes(self) -> Volumes:
        return Volumes(self.account, notes=f"{self.account.root}/notes")

    @cached_property
    def _versions(self) -> UnityVersions:
        return UnityVersions(self.account, Numbered(self._volumes))
