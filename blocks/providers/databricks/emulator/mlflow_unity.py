"""Unity Catalog's models as MLflow's client calls them: the registry ``databricks-uc``.

What a request may say is what MLflow's own messages have; a test holds this table against them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.refusals import invalid
from blocks.providers.databricks.emulator.unity_models import Model, UnityModels, Version

PREFIX = "/api/2.0/mlflow/unity-catalog"
FIELDS: Mapping[str, tuple[str, ...]] = {  # those that a request must have begin with "!"
    "registered-models/create": ("!name", "tags", "description", "deployment_job_id"),
    "registered-models/get": ("!name",),
    "registered-models/delete": ("!name",),
    "registered-models/set-tag": ("!name", "!key", "value"),
    "registered-models/alias": ("!name", "!alias", "version"),
    "model-versions/create": (
        "!name",
        "!source",
        "run_id",
        "description",
        "run_tracking_server_id",
        "feature_deps",
        "tags",
        "model_version_dependencies",
        "model_id",
    ),
    "model-versions/get": ("!name", "!version"),
    "model-versions/delete": ("!name", "!version"),
    "model-versions/finalize": ("!name", "!version"),
    "model-versions/get-download-uri": ("!name", "!version"),
    "model-versions/set-tag": ("!name", "!version", "!key", "value"),
    "model-versions/search": ("filter", "max_results", "page_token"),
    "model-versions/emit-lineage": (
        "!name",
        "!version",
        "!model_version_lineage_info",
        "securable",
    ),
}
_FLAG = "is_databricks_sdk_models_artifact_repository_enabled"
_READ, _MANAGE = "EXECUTE", "MANAGE MODEL"


class MlflowUnity:
    """The same models, in MLflow's words."""

    def __init__(self, models: UnityModels) -> None:
        self._models = models

    def routes(self) -> Sequence[Route]:
        """Return what it answers. MLflow sends a body along with every verb."""
        told: tuple[tuple[str, str, str, Callable[[Asked], Said]], ...] = (
            ("POST", "registered-models/create", "CREATE MODEL", self._create),
            ("GET", "registered-models/get", _READ, self._get),
            ("DELETE", "registered-models/delete", _MANAGE, self._delete),
            ("POST", "registered-models/set-tag", _MANAGE, self._tag_model),
            ("POST", "registered-models/alias", _MANAGE, self._set_alias),
            ("GET", "registered-models/alias", _READ, self._aliased),
            ("DELETE", "registered-models/alias", _MANAGE, self._delete_alias),
            ("POST", "model-versions/create", "CREATE MODEL VERSION", self._record),
            ("GET", "model-versions/get", _READ, self._get_version),
            ("DELETE", "model-versions/delete", _MANAGE, self._delete_version),
            ("POST", "model-versions/finalize", "CREATE MODEL VERSION", self._finalize),
            ("GET", "model-versions/get-download-uri", _READ, self._location),
            ("POST", "model-versions/set-tag", _MANAGE, self._tag_version),
            ("GET", "model-versions/search", _READ, self._search),
            ("POST", "model-versions/emit-lineage", _READ, lambda _: {}),
        )
        found = [_route(verb, path, action, handler) for verb, path, action, handler in told]
        flag = Route(
            verb="GET",
            path=f"{PREFIX}/registered-models:is-databricks-sdk-models-artifact-repository-enabled",
            call="mlflow-uc:sdk-artifacts",
            handler=lambda _: {_FLAG: True},
        )
        return [*found, flag]

    def _create(self, asked: Asked) -> Said:
        body = asked.body
        model = self._models.create(
            body["name"], by=asked.caller, comment=body.get("description", "")
        )
        model.tags.update(_tags(body))
        return {"registered_model": _model(model)}

    def _get(self, asked: Asked) -> Said:
        return {"registered_model": _model(self._models.model(asked.body["name"]))}

    def _delete(self, asked: Asked) -> Said:
        self._models.delete(asked.body["name"])
        return {}

    def _tag_model(self, asked: Asked) -> Said:
        model = self._models.model(asked.body["name"])
        model.tags[asked.body["key"]] = asked.body.get("value", "")
        return {}

    def _set_alias(self, asked: Asked) -> Said:
        body = asked.body
        self._models.set_alias(body["name"], body["alias"], body["version"])
        return {}

    def _aliased(self, asked: Asked) -> Said:
        model = self._models.model(asked.body["name"])
        version = self._models.aliased(model.full_name, asked.body["alias"])
        return {"model_version": self._version(model, version)}

    def _delete_alias(self, asked: Asked) -> Said:
        self._models.delete_alias(asked.body["name"], asked.body["alias"])
        return {}

    def _record(self, asked: Asked) -> Said:
        body = asked.body
        version = self._models.record(
            body["name"],
            source=body["source"],
            by=asked.caller,
            comment=body.get("description", ""),
            run_id=body.get("run_id", ""),
        )
        version.tags.update(_tags(body))
        return {"model_version": self._version(self._models.model(body["name"]), version)}

    def _get_version(self, asked: Asked) -> Said:
        return {"model_version": self._named(asked)}

    def _delete_version(self, asked: Asked) -> Said:
        self._models.delete_version(asked.body["name"], asked.body["version"])
        return {}

    def _finalize(self, asked: Asked) -> Said:
        self._models.finalize(asked.body["name"], asked.body["version"])
        return {"model_version": self._named(asked)}

    def _location(self, asked: Asked) -> Said:
        return {"artifact_uri": self._named(asked)["storage_location"]}

    def _tag_version(self, asked: Asked) -> Said:
        version = self._models.version(asked.body["name"], asked.body["version"])
        version.tags[asked.body["key"]] = asked.body.get("value", "")
        return {}

    def _search(self, asked: Asked) -> Said:
        wanted = str((asked.body or {}).get("filter", ""))
        if not (wanted.startswith("name='") and wanted.endswith("'")):
            raise invalid("Unity Catalog searches versions by name='catalog.schema.model' alone.")
        model = self._models.model(wanted.removeprefix("name='").removesuffix("'"))
        found = sorted(model.versions.values(), key=lambda each: -each.number)
        return {"model_versions": [self._version(model, each) for each in found]}

    def _named(self, asked: Asked) -> Said:
        model = self._models.model(asked.body["name"])
        version = self._models.version(model.full_name, asked.body["version"])
        return self._version(model, version)

    def _version(self, model: Model, version: Version) -> Said:
        aliases = [
            {"alias": alias, "version": str(number)}
            for alias, number in model.aliases.items()
            if number == version.number
        ]
        return {
            "name": model.full_name,
            "version": str(version.number),
            "creation_timestamp": version.at,
            "last_updated_timestamp": version.at,
            "user_id": version.by,
            "description": version.comment,
            "source": version.source,
            "run_id": version.run_id,
            "status": version.status,
            "storage_location": self._models.location(model, version),
            "aliases": aliases,
            "tags": _told(version.tags),
        }


def _route(verb: str, path: str, action: str, handler: Callable[[Asked], Said]) -> Route:
    def checked(asked: Asked) -> Said:
        body = asked.body if asked.body is not None else dict(asked.query)
        _check(path, body)
        return handler(
            Asked(
                request=asked.request,
                words=asked.words,
                query=asked.query,
                body=body,
                caller=asked.caller,
            )
        )

    name = path.replace("/", ".") if "alias" not in path else f"{path.replace('/', '.')}.{verb}"
    return Route(
        verb=verb, path=f"{PREFIX}/{path}", call=f"mlflow-uc:{name}", action=action, handler=checked
    )


def _check(path: str, body: Mapping[str, Any]) -> None:
    """Raise what the service says to a request that MLflow would not send."""
    known = {name.lstrip("!") for name in FIELDS[path]}
    wanted = {name[1:] for name in FIELDS[path] if name.startswith("!")}
    problems = [f"{name}: not a field of {path}" for name in body if name not in known]
    problems += [f"{name}: required" for name in sorted(wanted) if body.get(name) in (None, "")]
    if problems:
        raise invalid("; ".join(problems))


def _model(model: Model) -> Said:
    return {
        "name": model.full_name,
        "creation_timestamp": model.at,
        "last_updated_timestamp": model.at,
        "user_id": model.by,
        "description": model.comment,
        "aliases": [
            {"alias": alias, "version": str(number)} for alias, number in model.aliases.items()
        ],
        "tags": _told(model.tags),
    }


def _tags(body: Mapping[str, Any]) -> dict[str, str]:
    return {each["key"]: each.get("value", "") for each in body.get("tags") or ()}


def _told(tags: Mapping[str, str]) -> list[Said]:
    return [{"key": key, "value": value} for key, value in tags.items()]
