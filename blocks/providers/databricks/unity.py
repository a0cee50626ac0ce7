"""Model versions in Unity Catalog, each recorded once for its source, with files of its own.

The SDK lists and deletes versions; what makes one are routes that MLflow calls, the files going
through the Files API as MLflow sends them where the workspace says so.
https://docs.databricks.com/aws/en/machine-learning/manage-model-lifecycle/
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, BinaryIO

from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.catalog import ModelVersionInfo, ModelVersionInfoStatus

from blocks.cloud.bucket import Swaps
from blocks.cloud.markers import Markers
from blocks.cloud.submission import Submission
from blocks.contracts import Conflict
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.errors import explain, is_missing, meaning_of

Files = Iterable[tuple[str, Callable[[], BinaryIO]]]
"""Paths below a model's folder, and what opens each."""

_ROUTES = "/api/2.0/mlflow/unity-catalog"


class UnityVersions:
    """The versions of one workspace's models; a model is named ``catalog.schema.model``."""

    def __init__(self, workspace: DatabricksWorkspace, documents: Swaps) -> None:
        self._workspace = workspace
        self._markers = Markers(documents, f"{workspace.root}/submitted")

    def recorded(
        self, model: str, token: str, *, source: str, about: str, tags: Mapping[str, str]
    ) -> str:
        """Return the number of the one version with that source, recorded now if nobody did."""
        return Submission(
            token,
            self._markers,
            find=partial(self._numbered, model, source),
            create=partial(self._created, model, source, about, tags),
            drop=partial(self.drop, model),
            explain=explain,
        ).id()

    def fill(self, model: str, number: str, files: Files) -> None:
        """Bring the files of a version there, and say that it is whole, unless that was said."""
        if self._is_whole(model, number):
            return
        for name, opened in files:
            with opened() as content:
                self._patient.files.upload(
                    f"{folder_of(model, number)}/{name}", content, overwrite=True
                )
        try:
            self._post("model-versions/finalize", {"name": model, "version": number})
        except DatabricksError:
            if not self._is_whole(model, number):
                raise

    def find(self, model: str, number: str) -> ModelVersionInfo | None:
        """Return a version; None if there is none."""
        try:
            found: ModelVersionInfo = self._patient.model_versions.get(model, int(number))
        except DatabricksError as error:
            if is_missing(error):
                return None
            raise
        return found

    def drop(self, model: str, number: str) -> None:
        """Take a version out. Gone is fine."""
        self._gone(partial(self._patient.model_versions.delete, model, int(number)))

    def drop_model(self, model: str) -> None:
        """Take a model out with all its versions. Gone is fine."""
        self._gone(partial(self._patient.registered_models.delete, model))

    def show(self, model: str, alias: str, number: str) -> None:
        """Let an alias of Unity Catalog mean a version."""
        self._patient.registered_models.set_alias(model, alias, int(number))

    def _created(self, model: str, source: str, about: str, tags: Mapping[str, str]) -> str:
        self._make(model)
        told = self._post(
            "model-versions/create",
            {
                "name": model,
                "source": source,
                "description": about,
                "tags": [{"key": key, "value": value} for key, value in tags.items()],
            },
        )
        return str(told["model_version"]["version"])

    def _make(self, model: str) -> None:
        catalog, schema, name = model.split(".")
        try:
            self._patient.registered_models.get(model)
            return
        except DatabricksError as error:
            if not is_missing(error):
                raise
        create = self._workspace.client().registered_models.create
        try:
            create(catalog_name=catalog, schema_name=schema, name=name)
        except DatabricksError as error:
            if meaning_of(error) is not Conflict:
                raise  # else somebody else has made it at this moment

    def _numbered(self, model: str, source: str) -> str | None:
        """Return the number of the first version with that source, if one shows."""
        try:
            there = list(self._patient.model_versions.list(model))
        except DatabricksError as error:
            if is_missing(error):
                return None
            raise
        numbers = [each.version or 0 for each in there if each.source == source]
        return str(min(numbers)) if numbers else None

    def _is_whole(self, model: str, number: str) -> bool:
        found = self.find(model, number)
        return found is not None and found.status is ModelVersionInfoStatus.READY

    def _post(self, call: str, body: Mapping[str, Any]) -> Any:
        api: Any = self._workspace.client().api_client
        return api.do("POST", f"{_ROUTES}/{call}", body=dict(body))

    def _gone(self, delete: Callable[[], object]) -> None:
        try:
            delete()
        except DatabricksError as error:
            if not is_missing(error):
                raise

    @property
    def _patient(self) -> Any:
        return self._workspace.client(attempts=READS)


def folder_of(model: str, number: str) -> str:
    """Return the path below which the files of a version are, as MLflow names it."""
    return f"/Models/{model.replace('.', '/')}/{number}"


def opened(content: bytes) -> Callable[[], BinaryIO]:
    """Return what opens bytes as a file."""
    return lambda: io.BytesIO(content)
