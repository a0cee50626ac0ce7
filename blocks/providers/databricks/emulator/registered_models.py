"""Unity Catalog's own API of registered models, as the SDK calls it."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.refusals import missing
from blocks.providers.databricks.emulator.unity_models import Model, UnityModels, Version
from blocks.providers.databricks.emulator.world import World

_PAGE = 100  # things that are listed at a time
_READ, _MANAGE = "EXECUTE", "MANAGE MODEL"


class RegisteredModels:
    """Models, versions and aliases by their names."""

    def __init__(self, world: World, models: UnityModels) -> None:
        self._world, self._models = world, models

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        api, versions = "catalog:RegisteredModelsAPI", "catalog:ModelVersionsAPI"
        told = (
            (f"{api}.create", "create_model", "CREATE MODEL", self._create),
            (f"{api}.get", "get_model", _READ, self._get),
            (f"{api}.list", "list_models", _READ, self._list),
            (f"{api}.delete", "delete_model", _MANAGE, self._delete),
            (f"{api}.set_alias", "set_alias", _MANAGE, self._set_alias),
            (f"{api}.delete_alias", "delete_alias", _MANAGE, self._delete_alias),
            (f"{versions}.get", "get_version", _READ, self._get_version),
            (f"{versions}.get_by_alias", "get_version_by_alias", _READ, self._aliased),
            (f"{versions}.list", "list_versions", _READ, self._list_versions),
            (f"{versions}.delete", "delete_version", _MANAGE, self._delete_version),
        )
        return [
            Route(sdk=sdk, call=f"catalog:{name}", action=action, handler=handler)
            for sdk, name, action, handler in told
        ]

    def _create(self, asked: Asked) -> Said:
        body = asked.body
        name = f"{body['catalog_name']}.{body['schema_name']}.{body['name']}"
        model = self._models.create(name, by=asked.caller, comment=body.get("comment", ""))
        return self._model(model)

    def _get(self, asked: Asked) -> Said:
        self._be_stale("catalog:get_model", asked["full_name"])
        model = self._models.model(asked["full_name"])
        told = self._model(model)
        if asked.query.get("include_aliases") == "true":
            told["aliases"] = self._aliases(model)
        return told

    def _list(self, asked: Asked) -> Said:
        wanted = {
            "catalog": asked.query.get("catalog_name"),
            "schema": asked.query.get("schema_name"),
        }
        found = [
            self._model(each)
            for each in self._models.models()
            if all(value in (None, getattr(each, name)) for name, value in wanted.items())
        ]
        return _page(asked, "registered_models", found)

    def _delete(self, asked: Asked) -> Said:
        self._models.delete(asked["full_name"])
        return {}

    def _set_alias(self, asked: Asked) -> Said:
        name, alias = asked["full_name"], asked["alias"]
        self._models.set_alias(name, alias, asked.body["version_num"])
        return next(
            each
            for each in self._aliases(self._models.model(name))
            if each["alias_name"] == alias.lower()
        )

    def _delete_alias(self, asked: Asked) -> Said:
        self._models.delete_alias(asked["full_name"], asked["alias"])
        return {}

    def _get_version(self, asked: Asked) -> Said:
        self._be_stale("catalog:get_version", asked["full_name"])
        model = self._models.model(asked["full_name"])
        return self._version(model, self._models.version(model.full_name, asked["version"]))

    def _aliased(self, asked: Asked) -> Said:
        model = self._models.model(asked["full_name"])
        return self._version(model, self._models.aliased(model.full_name, asked["alias"]))

    def _list_versions(self, asked: Asked) -> Said:
        model = self._models.model(asked["full_name"])
        stale = self._world.faults.take("stale-read", "catalog:list_versions", model.full_name)
        newest = sorted(model.versions.values(), key=lambda each: -each.number)
        shown = newest[1:] if stale else newest
        return _page(asked, "model_versions", [self._version(model, each) for each in shown])

    def _delete_version(self, asked: Asked) -> Said:
        self._models.delete_version(asked["full_name"], asked["version"])
        return {}

    def _be_stale(self, call: str, name: str) -> None:
        if self._world.faults.take("stale-read", call, name):
            raise missing(f"Registered model '{name}' does not exist.")

    def _model(self, model: Model) -> Said:
        return {
            "name": model.name,
            "catalog_name": model.catalog,
            "schema_name": model.schema,
            "full_name": model.full_name,
            "comment": model.comment,
            "owner": model.by,
            "created_by": model.by,
            "created_at": model.at,
            "updated_at": model.at,
            "storage_location": self._models.location(model),
        }

    def _aliases(self, model: Model) -> list[Said]:
        return [
            {
                "alias_name": alias,
                "version_num": number,
                "catalog_name": model.catalog,
                "schema_name": model.schema,
                "model_name": model.name,
            }
            for alias, number in model.aliases.items()
        ]

    def _version(self, model: Model, version: Version) -> Said:
        return {
            "model_name": model.name,
            "catalog_name": model.catalog,
            "schema_name": model.schema,
            "version": version.number,
            "source": version.source,
            "comment": version.comment,
            "run_id": version.run_id,
            "status": version.status,
            "storage_location": self._models.location(model, version),
            "created_at": version.at,
            "created_by": version.by,
            "updated_at": version.at,
            "id": version.id,
        }


def _page(asked: Asked, field: str, found: list[Said]) -> Said:
    start = int(asked.query.get("page_token") or 0)
    size = min(int(asked.query.get("max_results") or 0) or _PAGE, _PAGE)
    more = {"next_page_token": str(start + size)} if start + size < len(found) else {}
    return {field: found[start : start + size], **more}
