"""Models in a workspace of Azure Machine Learning, aliases beside them in the container."""

from __future__ import annotations

from typing import Any, ClassVar

from azure.core.exceptions import AzureError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.alias_log import AliasLog
from blocks.cloud.kept_models import from_record, keep
from blocks.cloud.logged_aliases import LoggedAliases
from blocks.contracts import (
    ModelDraft,
    ModelVersion,
    NotFound,
    Promotion,
    ProviderError,
    RegistryFeatures,
)
from blocks.providers.azure.account import TOKEN_TAG, AzureAccount
from blocks.providers.azure.answers import is_missing
from blocks.providers.azure.errors import explain
from blocks.providers.azure.lookup import READS, look_for
from blocks.providers.azure.model_calls import (
    ALIAS,
    NAME,
    number_of,
    record_in,
    require_name,
    to_model,
)
from blocks.providers.azure.objects import Objects


class AzureModels(Block, LoggedAliases):
    """Registers model versions with the workspace; the files are kept in the account's container.

    The alias log there decides what an alias means. A tag on the version repeats it for people.
    """

    _block_type_name = "Azure models"
    _block_type_slug = "azure-models"

    provider: ClassVar[str] = "azure"
    features: ClassVar[RegistryFeatures] = RegistryFeatures(
        scheme="abfss", aliases=True, guarded_promotion=True
    )

    account: AzureAccount = Field(default_factory=AzureAccount, description="Where and as whom.")

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _register(self, draft: ModelDraft, token: str) -> ModelVersion:
        require_name(draft.name)
        known, number = number_of(token, self._versions(draft.name))
        folder = f"{self._home(draft.name)}/versions/{token}"
        if not known:
            keep(self._objects, draft, folder)
        while not known:
            if self._is_made(draft, token, number, folder):
                known = str(number)
            else:  # somebody else was first with that number; who that was may be ourselves
                known, number = number_of(token, self._versions(draft.name))
        found = self._find(draft.name, known)
        if found is None:
            raise NotFound(f"version {known} of {draft.name!r} was removed", code="VERSION")
        return found

    def _find(self, name: str, version: str) -> ModelVersion | None:
        model = self._model(name, version)
        if model is None:
            return None
        record = self._objects.read(record_in(model)) if record_in(model) else None
        if record is None:
            raise NotFound(
                f"version {version} of {name!r} was not registered by bluewater", code="FOREIGN"
            )
        return from_record(record[0], str(model.version))

    def _is_there(self, name: str, version: str) -> bool:
        return self._model(name, version) is not None

    def _versions(self, name: str) -> list[Any]:
        reads = self._models(READS)
        try:
            return list(reads.list(name=name))
        except AzureError as error:
            if is_missing(error):
                return []  # nobody has registered one yet
            raise

    def _is_made(self, draft: ModelDraft, token: str, number: int, folder: str) -> bool:
        """Make a version; return whether the number is ours, and not somebody else's."""
        try:
            path = self._path(draft.name, number, folder)
            model = to_model(
                draft, token, number=number, folder=folder, path=path, account=self.account
            )
            self._models().create_or_update(model)
        except AzureError:
            # A version's path never changes: who is second is refused, unless it is the same.
            found = self._model(draft.name, str(number), patient=True)
            if found is None:
                raise
            return bool((found.tags or {}).get(TOKEN_TAG) == token)
        return True

    def _model(self, name: str, version: str, *, patient: bool = False) -> Any:
        if not NAME.fullmatch(name) or not version.isdigit():
            return None
        reads = self._models(READS)
        return look_for(lambda: reads.get(name, version), patient=patient)

    def _show(self, name: str, move: Promotion) -> None:
        tag = f"{ALIAS}{move.alias}"
        for version in {each for each in (move.version, move.replaced) if each}:
            model = self._model(name, version)
            if model is None:
                continue  # it was removed since
            tags = {key: value for key, value in (model.tags or {}).items() if key != tag}
            if version == move.version:
                tags[tag] = "yes"
            if tags != model.tags:
                model.tags = tags
                self._models().create_or_update(model)

    def _path(self, name: str, number: int, folder: str) -> str:
        """Return where Azure finds the files of a version that is to be made."""
        return self.account.on_datastore(f"{folder}/model")

    def _home(self, name: str) -> str:
        return f"{self.account.root}/models/{name}"

    def _log(self, name: str) -> AliasLog:
        return AliasLog(self._objects, f"{self._home(name)}/aliases")

    @property
    def _objects(self) -> Objects:
        return Objects(self.account)

    def _models(self, attempts: int = 1) -> Any:
        """Return the SDK's operations on models."""
        return self.account.ml(attempts=attempts).models
