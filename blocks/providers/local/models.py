"""Models of this machine, in MLflow: a data base of its own, or any server by URL."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from mlflow.exceptions import MlflowException
from prefect.blocks.core import Block
from pydantic import Field
from requests.exceptions import RequestException
from sqlalchemy.exc import OperationalError

from blocks.contracts import (
    InvalidRequest,
    ModelDraft,
    ModelRegistry,
    ModelVersion,
    NotFound,
    Promotion,
    ProviderError,
    RegistryFeatures,
    Unavailable,
)
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.paths import path_of
from blocks.registries.mlflow_registry import MlflowRegistry

MEANINGS: dict[str, type[ProviderError]] = {
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "INVALID_PARAMETER_VALUE": InvalidRequest,
    "TEMPORARILY_UNAVAILABLE": Unavailable,
}


class LocalModels(Block, ModelRegistry):
    """Registers models with MLflow on this machine, or with an MLflow server."""

    _block_type_name = "Local models"
    _block_type_slug = "local-models"

    provider: ClassVar[str] = "local"
    features: ClassVar[RegistryFeatures] = RegistryFeatures(aliases=True, guarded_promotion=True)

    machine: LocalMachine = Field(
        default_factory=LocalMachine, description="Where models are kept on this machine."
    )
    tracking_uri: str = Field(
        default="", description="URL of an MLflow server; empty for a data base in the workspace."
    )

    @cached_property
    def _registry(self) -> MlflowRegistry:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
        if self.tracking_uri:
            return MlflowRegistry(
                self.tracking_uri, artifact_root=None, pages=self.tracking_uri.rstrip("/")
            )
        folder = self.machine.folder("mlflow")
        return MlflowRegistry(
            f"sqlite:///{folder / 'mlflow.db'}", artifact_root=(folder / "artifacts").as_uri()
        )

    def _explain(self, error: Exception) -> ProviderError | None:
        if isinstance(error, OperationalError | RequestException):
            return Unavailable(f"MLflow does not answer: {error}", code=type(error).__name__)
        if isinstance(error, MlflowException):
            code = str(error.error_code)
            kind = MEANINGS.get(code)
            if kind is None and "API request to" in str(error):
                kind = Unavailable  # connection refused, or a 5xx after the client's own retries
            return kind(str(error), code=code) if kind else None
        return None

    def _register(self, draft: ModelDraft, token: str) -> ModelVersion:
        evidence: dict[str, Path] = {name: path_of(uri) for name, uri in draft.evidence.items()}
        return self._registry.register(draft, path_of(draft.uri), evidence, token)

    def _find(self, name: str, version: str) -> ModelVersion | None:
        return self._registry.find(name, version)

    def _resolve(self, name: str, alias: str) -> ModelVersion | None:
        return self._registry.resolve(name, alias)

    def _promote(
        self, model: ModelVersion, alias: str, replacing: ModelVersion | None, by: str
    ) -> None:
        self._registry.promote(model, alias, replacing.version if replacing else "", by)

    def _history(self, name: str, alias: str) -> Sequence[Promotion]:
        return self._registry.history(name, alias)
