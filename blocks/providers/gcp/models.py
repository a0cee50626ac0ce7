"""Models in Vertex AI's Model Registry, aliases and their history beside it in Cloud Storage."""

from __future__ import annotations

from functools import cached_property, partial
from typing import ClassVar

from google.api_core.exceptions import AlreadyExists
from google.api_core.exceptions import NotFound as NoSuch
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
from google.cloud.aiplatform_v1.types import Model, UploadModelResponse
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.alias_log import AliasLog
from blocks.cloud.kept_models import from_record, keep, record_of
from blocks.cloud.logged_aliases import LoggedAliases
from blocks.cloud.markers import Markers
from blocks.cloud.submission import Submission, looks
from blocks.contracts import (
    ModelDraft,
    ModelVersion,
    NotFound,
    Promotion,
    ProviderError,
    RegistryFeatures,
    Unavailable,
)
from blocks.providers.gcp.account import ONCE, READS, TOKEN_LABEL, GcpAccount
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.images import serving_image
from blocks.providers.gcp.lookup import look_for
from blocks.providers.gcp.model_calls import is_name, require_name, require_shown, to_model
from blocks.providers.gcp.operations import awaited, begun, error_of


class VertexModels(Block, LoggedAliases):
    """Registers model versions with Vertex AI; the files are kept in the account's bucket.

    The alias log in Cloud Storage decides what an alias means; the version alias of the same name
    in Vertex AI repeats it for people, and for whoever serves ``MODEL@ALIAS``.
    """

    _block_type_name = "Vertex AI models"
    _block_type_slug = "gcp-models"

    provider: ClassVar[str] = "gcp"
    features: ClassVar[RegistryFeatures] = RegistryFeatures(
        scheme="gs", aliases=True, guarded_promotion=True
    )

    account: GcpAccount = Field(default_factory=GcpAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image that serves the versions; may be empty."
    )
    upload_within: float = Field(
        default=120.0, description="Seconds that Vertex AI may take to record a version."
    )
    visible_within: float = Field(
        default=12.0,
        ge=1,
        description="Seconds after which a version shows that another process had recorded.",
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _register(self, draft: ModelDraft, token: str) -> ModelVersion:
        require_name(draft.name)
        folder = self._folder(draft.name, token)
        if self._objects.head(record_of(folder)) is None:
            keep(self._objects, draft, folder)
        number = Submission(
            token,
            Markers(self._objects, f"{self.account.root}/submitted"),
            find=partial(self._numbered, draft.name, token),
            create=partial(self._upload, draft, token),
            drop=partial(self._drop, draft.name),
            explain=explain,
            visible_after=tuple(looks(self.visible_within)),
        ).id()
        return self._read(folder, number)

    def _find(self, name: str, version: str) -> ModelVersion | None:
        if not (is_name(name) and version.isdigit()):
            return None
        model = look_for(lambda: self._get(f"{self._name(name)}@{version}"), patient=False)
        token = model.labels.get(TOKEN_LABEL, "") if model else ""
        return self._read(self._folder(name, token), version) if token else None

    def _require_alias(self, alias: str) -> None:
        require_shown(alias)

    def _upload(self, draft: ModelDraft, token: str) -> str:
        """Record a version, and return its number. Raises Unavailable if it is not known yet."""
        folder, name = self._folder(draft.name, token), self._name(draft.name)
        model = to_model(draft, token, account=self.account, folder=folder, image=self.image)
        asked = {"parent": self.account.parent, "model": Model(model)}
        call = partial(self._models.upload_model, **ONCE)
        there = look_for(lambda: self._get(name), patient=False)
        try:
            place = {"parent_model": name} if there else {"model_id": name.rpartition("/")[2]}
            operation = begun(lambda: call({**asked, **place}))
        except AlreadyExists:  # somebody else records the first version at this moment
            operation = begun(lambda: call({**asked, "parent_model": name}))
        found = awaited(self._models, operation, within=self.upload_within)
        if error := error_of(found):
            raise error
        if not found.done:
            raise Unavailable(f"{draft.name} is still being recorded; ask again", code="RECORDING")
        return str(UploadModelResponse.deserialize(found.response.value).model_version_id)

    def _numbered(self, name: str, token: str) -> str | None:
        """Return the number of the first version that carries a token, if one shows."""
        asked = {"name": self._name(name), "filter": f'labels.{TOKEN_LABEL}="{token}"'}
        try:
            pages = self._models.list_model_versions(asked, **READS)
            numbers = [int(each.version_id) for each in pages]
        except NoSuch:
            return None
        return str(min(numbers)) if numbers else None

    def _drop(self, name: str, number: str) -> None:
        """Take out a version that was recorded twice; the marker names the one that counts."""
        self._models.delete_model_version(name=f"{self._name(name)}@{number}", **ONCE)

    def _read(self, folder: str, number: str) -> ModelVersion:
        record = self._objects.read(record_of(folder))
        if record is None:
            raise NotFound(f"the record {record_of(folder)} is gone", code="RECORD")
        return from_record(record[0], number)

    def _show(self, name: str, move: Promotion) -> None:
        version = f"{self._name(name)}@{move.version}"
        self._models.merge_version_aliases(name=version, version_aliases=[move.alias], **ONCE)

    def _get(self, name: str) -> Model:
        return self._models.get_model(name=name, **READS)

    def _name(self, name: str) -> str:
        return f"{self.account.parent}/models/{self.account.named(name)}"

    def _folder(self, name: str, token: str) -> str:
        return f"{self.account.root}/models/{name}/versions/{token}"

    def _log(self, name: str) -> AliasLog:
        return AliasLog(self._objects, f"{self.account.root}/models/{name}/aliases")

    @cached_property
    def _objects(self) -> Objects:
        return Objects(self.account.storage, kms_key=self.account.kms_key)

    @property
    def _models(self) -> ModelServiceClient:
        return self.account.client(ModelServiceClient)
