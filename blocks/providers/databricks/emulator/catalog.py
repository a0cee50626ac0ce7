"""Schemas and tables of Unity Catalog, as they are told about: what they are is elsewhere."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from blocks.providers.databricks.emulator.dialect import type_name
from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.refusals import missing
from blocks.providers.databricks.emulator.tables import Tables
from blocks.providers.databricks.emulator.world import World


class Catalog:
    """Tells of schemas, which are folders of the world's volumes, and of tables."""

    def __init__(self, world: World, tables: Tables) -> None:
        self._world, self._tables = world, tables
        self._ids: dict[str, str] = {}  # of schemas, by their full names

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        return (
            Route(sdk="catalog:SchemasAPI.get", action="USE SCHEMA", handler=self._schema),
            Route(sdk="catalog:TablesAPI.get", action="table BROWSE", handler=self._table),
        )

    def named(self, id_: str) -> str:
        """Return the full name of the schema with an id. Raises Refused."""
        found = next((name for name, each in self._ids.items() if each == id_), "")
        if not found:
            raise missing(f"There is no schema with id {id_}.")
        return found

    def _schema(self, asked: Asked) -> Said:
        full = asked["full_name"]
        catalog, _, name = full.partition(".")
        if not (self._world.volumes / catalog / name).is_dir():
            raise missing(f"Schema '{full}' does not exist.")
        id_ = self._ids.setdefault(full, str(uuid.uuid4()))
        return {"full_name": full, "catalog_name": catalog, "name": name, "schema_id": id_}

    def _table(self, asked: Asked) -> Said:
        full = asked["full_name"]
        if not self._tables.exists(full):
            raise missing(f"Table '{full}' does not exist.")
        catalog, schema, name = full.split(".")
        columns = [
            {
                "name": column,
                "position": place,
                "type_name": type_name(kind),
                "type_text": kind.lower(),
            }
            for place, (column, kind) in enumerate(self._tables.described(full))
        ]
        return {
            "full_name": full,
            "catalog_name": catalog,
            "schema_name": schema,
            "name": name,
            "owner": self._tables.owner(full),
            "table_id": self._tables.id_of(full),
            "table_type": "VIEW" if self._tables.is_view(full) else "MANAGED",
            "columns": columns,
        }
