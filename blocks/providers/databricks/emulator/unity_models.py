"""Registered models of Unity Catalog with their versions and aliases, as a state without a wire."""

from __future__ import annotations

import re
import shutil
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from blocks.providers.databricks.emulator.refusals import Refused, invalid, missing
from blocks.providers.databricks.emulator.world import World

PENDING, READY = "PENDING_REGISTRATION", "READY"
_NAME = re.compile(r"[^./\s\x00-\x1f\x7f]{1,255}")
_ALIAS = re.compile(r"(?!latest$|v\d+$)[\w-]{1,255}", re.IGNORECASE | re.ASCII)


@dataclass(slots=True, kw_only=True)
class Version:
    """One version of a model."""

    number: int
    source: str
    by: str
    at: int  # milliseconds since the epoch
    comment: str = ""
    run_id: str = ""
    status: str = PENDING
    tags: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(slots=True, kw_only=True)
class Model:
    """One registered model. The numbers of its versions are never given again."""

    catalog: str
    schema: str
    name: str
    by: str
    at: int
    comment: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    counted: int = 0

    @property
    def full_name(self) -> str:
        """Its name in three parts."""
        return f"{self.catalog}.{self.schema}.{self.name}"


class UnityModels:
    """The models of one workspace. Names are kept in small letters, as Unity Catalog keeps them."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._models: dict[str, Model] = {}
        self._recorded: list[str] = []  # full names of models, one for each version ever recorded
        world.levers["versions-recorded"] = lambda _: list(self._recorded)

    def models(self) -> list[Model]:
        """Return all models in the order of their names."""
        return [self._models[name] for name in sorted(self._models)]

    def model(self, full_name: str) -> Model:
        """Return a model. Raises Refused."""
        found = self._models.get(full_name.lower())
        if found is None:
            raise missing(f"Registered model '{full_name}' does not exist.")
        return found

    def version(self, full_name: str, number: str | int) -> Version:
        """Return a version. Raises Refused."""
        model = self.model(full_name)
        if not str(number).isdigit():
            raise invalid(f"Model version '{number}' is not a number.")
        found = model.versions.get(int(number))
        if found is None:
            raise missing(f"Model version '{number}' of '{full_name}' does not exist.")
        return found

    def aliased(self, full_name: str, alias: str) -> Version:
        """Return the version that an alias means. Raises Refused."""
        number = self.model(full_name).aliases.get(alias.lower())
        if number is None:
            raise missing(f"Registered model alias '{alias}' does not exist.")
        return self.version(full_name, number)

    def create(self, full_name: str, *, by: str, comment: str = "") -> Model:
        """Make a model. Raises Refused."""
        catalog, schema, name = _parts(full_name.lower())
        if not (self._world.volumes / catalog / schema).is_dir():
            raise missing(f"Schema '{catalog}.{schema}' does not exist.")
        if full_name.lower() in self._models:
            told = f"Registered model '{full_name}' already exists."
            raise Refused("RESOURCE_ALREADY_EXISTS", told, 409)
        model = Model(
            catalog=catalog,
            schema=schema,
            name=name,
            by=by,
            at=self._world.milliseconds(),
            comment=comment,
        )
        self._models[model.full_name] = model
        return model

    def delete(self, full_name: str) -> None:
        """Take a model out with all its versions. Raises Refused."""
        model = self.model(full_name)
        shutil.rmtree(self._folder(model), ignore_errors=True)
        del self._models[model.full_name]

    def record(
        self, full_name: str, *, source: str, by: str, comment: str = "", run_id: str = ""
    ) -> Version:
        """Count a version, whose files are to come. Raises Refused."""
        model = self.model(full_name)
        model.counted += 1
        version = Version(
            number=model.counted,
            source=source,
            by=by,
            at=self._world.milliseconds(),
            comment=comment,
            run_id=run_id,
        )
        model.versions[version.number] = version
        self.files(model, version).mkdir(parents=True)
        self._recorded.append(model.full_name)
        return version

    def finalize(self, full_name: str, number: str) -> Version:
        """Say that a version's files are there. Raises Refused."""
        version = self.version(full_name, number)
        if version.status != PENDING:
            told = f"Model version '{number}' of '{full_name}' is {version.status}."
            raise Refused("INVALID_STATE", told, 400)
        version.status = READY
        return version

    def delete_version(self, full_name: str, number: str) -> None:
        """Take a version out. Raises Refused."""
        model, version = self.model(full_name), self.version(full_name, number)
        if names := [name for name, each in model.aliases.items() if each == version.number]:
            raise invalid(f"Model version '{number}' has the alias '{names[0]}'.")
        shutil.rmtree(self.files(model, version), ignore_errors=True)
        del model.versions[version.number]

    def set_alias(self, full_name: str, alias: str, number: str | int) -> None:
        """Let an alias mean a version, whatever it meant before. Raises Refused."""
        if not _ALIAS.fullmatch(alias):
            raise invalid(f"'{alias}' is not a valid alias.")
        self.model(full_name).aliases[alias.lower()] = self.version(full_name, number).number

    def delete_alias(self, full_name: str, alias: str) -> None:
        """Take an alias out; one that is not there is out already."""
        self.model(full_name).aliases.pop(alias.lower(), None)

    def files(self, model: Model, version: Version) -> Path:
        """Return the folder of a version on this machine."""
        return self._folder(model) / str(version.number)

    def location(self, model: Model, version: Version | None = None) -> str:
        """Return where Unity Catalog keeps the files, as it tells it."""
        below = f"/versions/{version.number}" if version is not None else ""
        return f"s3://rehearsal-metastore/models/{model.full_name}{below}"

    def _folder(self, model: Model) -> Path:
        return self._world.place(f"/Models/{model.catalog}/{model.schema}/{model.name}")


def _parts(full_name: str) -> tuple[str, str, str]:
    parts = full_name.split(".")
    if len(parts) != 3 or not all(_NAME.fullmatch(each) for each in parts):
        raise invalid(f"'{full_name}' is not a valid name; use catalog.schema.model.")
    return parts[0], parts[1], parts[2]
