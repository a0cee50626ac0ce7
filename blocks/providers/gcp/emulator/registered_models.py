"""Vertex AI's model registry: models, their versions, and the aliases of versions."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.cloud.aiplatform_v1.types import (
    DeleteOperationMetadata,
    ListModelsResponse,
    ListModelVersionsResponse,
    Model,
    UploadModelOperationMetadata,
    UploadModelResponse,
)
from google.longrunning.operations_pb2 import Operation
from google.protobuf.empty_pb2 import Empty

from blocks.providers.gcp.emulator.custom_job import at
from blocks.providers.gcp.emulator.filters import matcher
from blocks.providers.gcp.emulator.messages import masked
from blocks.providers.gcp.emulator.pages import page
from blocks.providers.gcp.emulator.references import (
    require_display_name,
    require_key,
    require_labels,
)
from blocks.providers.gcp.emulator.refusals import GcpError, invalid, not_found
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.serving_containers import require_served
from blocks.providers.gcp.emulator.world import World

DEFAULT = "default"
_ID = re.compile(r"[a-z_][a-z0-9_-]{0,62}")
_ALIAS = re.compile(r"[a-z][a-zA-Z0-9-]{0,126}[a-z0-9-]")
_FIELDS = ("model", "display_name", "labels", "base_model_name")  # of filters
_CHANGEABLE = frozenset(
    {"display_name", "description", "version_description", "labels", "metadata_schema_uri"}
)


class Models:
    """UploadModel and its kin."""

    def __init__(self, world: World, deployed: Callable[[str], bool]) -> None:
        """``deployed`` tells whether a version, as in ``.../models/M@2``, is on an endpoint."""
        self._world, self._deployed = world, deployed
        world.find_model = self.find
        self._versions: dict[str, dict[str, Model]] = {}  # by name, then by version
        self._counted: dict[str, int] = {}  # versions that a model ever had
        self._uploaded: list[dict[str, str]] = []  # labels of whatever was uploaded
        world.levers["models-uploaded"] = lambda _: list(self._uploaded)

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {
            "ModelService.UploadModel": self._upload,
            "ModelService.GetModel": self._get,
            "ModelService.ListModels": self._list,
            "ModelService.ListModelVersions": self._list_versions,
            "ModelService.UpdateModel": self._update,
            "ModelService.MergeVersionAliases": self._merge_aliases,
            "ModelService.DeleteModel": self._delete,
            "ModelService.DeleteModelVersion": self._delete_version,
        }

    def find(self, name: str) -> Model:
        """Return a version by ``.../models/M``, ``M@2`` or ``M@alias``. Raises GcpError."""
        model, _, wanted = self._world.canonical(name).partition("@")
        versions = self._versions.get(model, {})
        for number, each in versions.items():
            if wanted == number or (wanted or DEFAULT) in each.version_aliases:
                return each
        raise not_found(name)

    def _upload(self, asked: Any) -> Operation:
        name, number = self._place(asked)
        model = Model(asked.model)
        self._check(model)
        model.name, model.version_id = name, number
        self._counted[name] = int(number)
        self._uploaded.append(dict(model.labels))

        def work(_: threading.Event) -> Answer:
            with self._world.lock:
                self._keep(model)
            return UploadModelResponse(model=name, model_version_id=number)

        return self._world.operations.run(name, work, UploadModelOperationMetadata())

    def _place(self, asked: Any) -> tuple[str, str]:
        """Return the name and the version that an upload gets."""
        if asked.parent_model:
            name = self._world.canonical(asked.parent_model).partition("@")[0]
            if name not in self._versions:
                raise not_found(asked.parent_model)
            return name, str(self._counted[name] + 1)
        if asked.parent != self._world.parent:
            raise not_found(asked.parent)
        if not asked.model_id:
            return self._world.name("models"), "1"
        if not _ID.fullmatch(asked.model_id):
            raise invalid(f"Invalid model_id: {asked.model_id!r}")
        name = f"{self._world.parent}/models/{asked.model_id}"
        if name in self._counted:
            raise GcpError(
                grpc.StatusCode.ALREADY_EXISTS, f"Model {name} already exists; name it as parent."
            )
        return name, "1"

    def _check(self, model: Model) -> None:
        require_display_name(model.display_name)
        require_labels(model.labels)
        require_key(model.encryption_spec.kms_key_name, self._world.location)
        for alias in model.version_aliases:
            _require_alias(alias)
        require_served(self._world, model.container_spec, model.artifact_uri)

    def _keep(self, model: Model) -> None:
        now = at(self._world.clock.now())
        versions = self._versions.setdefault(model.name, {})
        if not versions and DEFAULT not in model.version_aliases:
            model.version_aliases.append(DEFAULT)
        self._take_aliases(model.name, model.version_aliases)
        model.create_time = min((each.create_time for each in versions.values()), default=now)
        model.update_time = model.version_create_time = model.version_update_time = now
        model.supported_deployment_resources_types = [
            Model.DeploymentResourcesType.DEDICATED_RESOURCES
        ]
        model.supported_input_storage_formats = ["jsonl", "csv"]
        model.supported_output_storage_formats = ["jsonl"]
        model.etag = uuid.uuid4().hex
        versions[model.version_id] = model

    def _take_aliases(self, name: str, aliases: Any) -> None:
        for each in self._versions[name].values():
            each.version_aliases = [old for old in each.version_aliases if old not in aliases]

    def _get(self, asked: Any) -> Model:
        if self._world.faults.take(
            "stale-read", "aiplatform:GetModel", asked.name.rpartition("/")[2]
        ):
            raise not_found(asked.name)
        return self.find(asked.name)

    def _list(self, asked: Any) -> ListModelsResponse:
        meets = matcher(asked.filter, _FIELDS)
        newest = [self.find(name) for name in reversed(self._versions)]
        some, token = page([each for each in newest if meets(_told(each))], asked)
        return ListModelsResponse(models=some, next_page_token=token)

    def _list_versions(self, asked: Any) -> ListModelVersionsResponse:
        stale = self._world.faults.take("stale-read", "aiplatform:ListModelVersions")
        name, meets = asked.name.partition("@")[0], matcher(asked.filter)
        if name not in self._versions:
            raise not_found(asked.name)
        newest = list(reversed(self._versions[name].values()))
        found = [each for each in newest[1 if stale else 0 :] if meets(_told(each))]
        some, token = page(found, asked)
        return ListModelVersionsResponse(models=some, next_page_token=token)

    def _update(self, asked: Any) -> Model:
        model = self.find(asked.model.name)
        if asked.model.etag and asked.model.etag != model.etag:
            raise GcpError(grpc.StatusCode.ABORTED, f"The etag of {model.name} does not match.")
        if refused := set(asked.update_mask.paths) - _CHANGEABLE:
            raise invalid(f"Fields that cannot be updated: {', '.join(sorted(refused))}")
        changed = Model(model)
        masked(changed, asked.model, list(asked.update_mask.paths))
        require_display_name(changed.display_name)
        require_labels(changed.labels)
        masked(model, asked.model, list(asked.update_mask.paths))
        model.update_time = model.version_update_time = at(self._world.clock.now())
        model.etag = uuid.uuid4().hex
        return model

    def _merge_aliases(self, asked: Any) -> Model:
        if not asked.name.partition("@")[2].isdigit():
            raise invalid("The name must include a version id.")
        model = self.find(asked.name)
        added = [alias for alias in asked.version_aliases if not alias.startswith("-")]
        gone = {alias[1:] for alias in asked.version_aliases if alias.startswith("-")}
        for alias in (*added, *gone):
            _require_alias(alias)
        if DEFAULT in gone:
            raise invalid("The default alias can only be moved to another version.")
        self._take_aliases(model.name, added)
        kept = [alias for alias in model.version_aliases if alias not in gone]
        model.version_aliases = [*kept, *added]
        model.etag = uuid.uuid4().hex
        return model

    def _delete(self, asked: Any) -> Operation:
        name = self.find(asked.name).name
        for number in self._versions[name]:
            self._require_idle(f"{name}@{number}")
        del self._versions[name], self._counted[name]
        return self._world.operations.done(name, Empty(), DeleteOperationMetadata())

    def _delete_version(self, asked: Any) -> Operation:
        model = self.find(asked.name)
        self._require_idle(f"{model.name}@{model.version_id}")
        if DEFAULT in model.version_aliases:
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION, "The default version cannot be deleted."
            )
        del self._versions[model.name][model.version_id]
        return self._world.operations.done(model.name, Empty(), DeleteOperationMetadata())

    def _require_idle(self, version: str) -> None:
        if self._deployed(version):
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"The model version {version} is deployed or being deployed.",
            )


def _require_alias(alias: str) -> None:
    if not _ALIAS.fullmatch(alias):
        raise invalid(f"Invalid version alias: {alias!r}")


def _told(model: Model) -> dict[str, Any]:
    """Return a model as filters read it."""
    told: dict[str, Any] = Model.to_dict(model, use_integers_for_enums=False)
    return {**told, "model": model.name.rpartition("/")[2]}
