"""Models in a registry of Azure Machine Learning, which all workspaces share."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from blocks.cloud.environment import text_from
from blocks.contracts import InvalidRequest
from blocks.providers.azure.model_calls import REGISTRY, shared_folder
from blocks.providers.azure.models import AzureModels
from blocks.providers.azure.registry.staging import stage


class AzureRegistryModels(AzureModels):
    """Registers model versions with a registry, which has files of its own.

    What Azure's registry has no place for, aliases with their history and evidence, is kept below
    ``home``. Every workspace that names the same registry and the same home sees the same. An
    endpoint deploys such a version by its id in the registry.
    """

    _block_type_name = "Azure registry models"
    _block_type_slug = "azure-registry-models"

    provider: ClassVar[str] = "azure-registry"

    registry: str = Field(
        default_factory=text_from("BLUEWATER_AZURE_REGISTRY"),
        description="Name of the registry; its region and address are asked.",
    )
    home: str = Field(
        default_factory=text_from("BLUEWATER_AZURE_REGISTRY_HOME"),
        description="Folder, as abfss://, that all who share the registry can write to; empty: "
        "the account's own.",
    )

    def _path(self, name: str, number: int, folder: str) -> str:
        return stage(
            self._objects,
            f"{folder}/model",
            models=self._models(),
            registry=self.registry,
            version=(name, str(number)),
            options=self.account.options(1),
        )

    def _home(self, name: str) -> str:
        root = self.home.rstrip("/") or self.account.root
        return f"{shared_folder(root, self._named())}/{name}"

    def _models(self, attempts: int = 1) -> Any:
        return self.account.registry(self._named(), attempts=attempts).models

    def _named(self) -> str:
        if not REGISTRY.fullmatch(self.registry):
            raise InvalidRequest(
                f"{self.registry!r} is no name of a registry; set registry in the block or "
                "BLUEWATER_AZURE_REGISTRY",
                code="REGISTRY",
            )
        return self.registry
