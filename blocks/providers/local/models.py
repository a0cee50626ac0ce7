"""Models of this machine, in MLflow: a data base of its own, or any server by URL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.contracts import (
    ModelDraft,
    ModelRegistry,
    ModelVersion,
    Promotion,
    ProviderError,
    RegistryFeatures,
)
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.paths import path_of
from blocks.registries import mlflow_access
from blocks.registries.mlflow_artifacts import fetched
from blocks.registries.mlflow_database import prepared
from blocks.registries.mlflow_registry import MlflowRegistry


class LocalModels(Block, ModelRegistry):
    """Registers models with MLflow on this machine, or with an MLflow server.

    A version's folder is always on this machine: what a server keeps elsewhere is fetched by the
    first look at the version.
    """

    _block_type_name = "Local models"
    _block_type_slug = "local-models"

    provider: ClassVar[str] = "local"
    features: ClassVar[RegistryFeatures] = RegistryFeatures(
        scheme="file", aliases=True, guarded_promotion=True
    )

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="Where models are kept on this machine."
    )
    tracking_uri: str = Field(
        default="", description="URL of an MLflow server; empty for a data base in the workspace."
    )
    token: SecretStr | None = Field(
        default=None, description="Bearer token of the MLflow server; empty if it asks for none."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return mlflow_access.explain(error)

    def _register(self, draft: ModelDraft, token: str) -> ModelVersion:
        folder = path_of(draft.uri)
        evidence = {name: path_of(uri) for name, uri in draft.evidence.items()}
        with self._signed_in() as registry:
            return self._here(registry.register(draft, folder, evidence, token))

    def _find(self, name: str, version: str) -> ModelVersion | None:
        with self._signed_in() as registry:
            found = registry.find(name, version)
            return self._here(found) if found else None

    def _resolve(self, name: str, alias: str) -> ModelVersion | None:
        with self._signed_in() as registry:
            found = registry.resolve(name, alias)
            return self._here(found) if found else None

    def _promote(
        self, model: ModelVersion, alias: str, replacing: ModelVersion | None, by: str
    ) -> None:
        with self._signed_in() as registry:
            registry.promote(model, alias, replacing.version if replacing else "", by)

    def _history(self, name: str, alias: str) -> Sequence[Promotion]:
        with self._signed_in() as registry:
            return registry.history(name, alias)

    @contextmanager
    def _signed_in(self) -> Iterator[MlflowRegistry]:
        with mlflow_access.signed_in(self.token):
            yield self._registry

    @cached_property
    def _registry(self) -> MlflowRegistry:
        if self.tracking_uri:
            pages = self.tracking_uri.rstrip("/") if self.tracking_uri.startswith("http") else ""
            return MlflowRegistry(self.tracking_uri, artifact_root=None, pages=pages)
        folder = self.machine.folder("mlflow")
        uri, artifacts = prepared(folder / "mlflow.db"), (folder / "artifacts").as_uri()
        return MlflowRegistry(uri, artifact_root=artifacts)

    def _here(self, version: ModelVersion) -> ModelVersion:
        folder = fetched(version.uri, version.digest, self.machine.folder("mlflow", "fetched"))
        return version.model_copy(update={"uri": folder.as_uri()})
