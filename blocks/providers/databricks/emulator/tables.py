"""Tables of Unity Catalog, and the SQL warehouse that reads them: DuckDB, in memory.

What is written in Databricks' SQL is read as DuckDB's where both mean the same: names in backticks,
parameters with a colon. A row may come into its table later than it was made.
"""

from __future__ import annotations

import heapq
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from blocks.providers.databricks.emulator.launch import CATALOG
from blocks.providers.databricks.emulator.refusals import Refused
from blocks.providers.databricks.emulator.world import World

SYSTEM = "system"
_KINDS = {
    "STRING": "VARCHAR",
    "INT": "INTEGER",
    "BIGINT": "BIGINT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "ARRAY": "VARCHAR[]",
}
_TOLD = {kind: name for name, kind in _KINDS.items()} | {"HUGEINT": "DECIMAL", "FLOAT": "FLOAT"}
_TOKENS = re.compile(r"('(?:[^']|'')*')|`([^`]*)`|(?<![:\w]):([A-Za-z_]\w*)|(--[^\n]*)")
_OF_CATALOG = re.compile(rf'"?\b({CATALOG}|{SYSTEM})\b"?(?=\.[\w"]+\.)')
_READ = re.compile(r'\b(?:FROM|JOIN)\s+("uc_[^\s,;()]+)', re.IGNORECASE)


class Failed(Exception):
    """A statement that the warehouse cannot do: its SQLSTATE, and why."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The rows that a statement returned; values are strings, as JSON arrays have them."""

    columns: Sequence[tuple[str, str]]  # name and kind
    rows: Sequence[Sequence[str | None]]


class Tables:
    """The tables of one workspace. Guarded by the world's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._base: Any = duckdb.connect()
        self._base.execute("SET TimeZone='UTC'")
        for catalog in (CATALOG, SYSTEM):
            self._base.execute(f"ATTACH ':memory:' AS uc_{catalog}")
        self._owners: dict[str, str] = {}
        self._coming: list[tuple[float, int, str, Sequence[Any]]] = []
        self._columns: dict[str, Mapping[str, str]] = {}
        self._numbers = itertools.count()

    def exists(self, name: str) -> bool:
        """Whether a table is there by now."""
        self._catch_up()
        return name in self._owners

    def plan(self, name: str, columns: Mapping[str, str], owner: str) -> None:
        """Have a table be made with its first row; columns are names with kinds."""
        self._columns.setdefault(name, {"": owner, **columns})

    def add(self, name: str, row: Sequence[Any], *, at: float) -> None:
        """Have a row come into a planned table at a moment of the cloud's time."""
        heapq.heappush(self._coming, (at, next(self._numbers), name, row))

    def run(self, statement: str, parameters: Mapping[str, Any], caller: str) -> Answer:
        """Run a statement as somebody. Raises Failed."""
        self._catch_up()
        text = _translated(statement)
        self._require_readable(text, caller)
        try:
            found = self._base.cursor().execute(text, dict(parameters))
            columns = [(each[0], _TOLD.get(str(each[1]), "STRING")) for each in found.description]
            rows = [[_string(value) for value in row] for row in found.fetchall()]
        except duckdb.CatalogException as error:
            raise Failed("42P01", f"[TABLE_OR_VIEW_NOT_FOUND] {error}") from error
        except duckdb.ParserException as error:
            raise Failed("42601", f"[PARSE_SYNTAX_ERROR] {error}") from error
        except duckdb.Error as error:
            raise Failed("42703", f"[UNRESOLVED] {error}") from error
        return Answer(columns=columns, rows=rows)

    def _require_readable(self, text: str, caller: str) -> None:
        for found in _READ.findall(text):
            name = found.replace('"', "").removeprefix("uc_")
            owner = self._owners.get(name)
            if owner in (None, caller):
                continue
            privilege = f"SELECT {SYSTEM}" if name.startswith(f"{SYSTEM}.") else "SELECT"
            try:
                self._world.permit(caller, privilege)
            except Refused as error:
                raise Failed("42501", f"[INSUFFICIENT_PERMISSIONS] {error.message}") from error

    def _catch_up(self) -> None:
        """Bring in the rows whose time has come."""
        now = self._world.clock.now()
        while self._coming and self._coming[0][0] <= now:
            _, _, name, row = heapq.heappop(self._coming)
            place = _quoted(name)
            if name not in self._owners:
                self._make(name, place)
            marks = ", ".join("?" for _ in row)
            self._base.execute(f"INSERT INTO {place} VALUES ({marks})", list(row))  # noqa: S608

    def _make(self, name: str, place: str) -> None:
        columns = dict(self._columns[name])
        self._owners[name] = columns.pop("")
        told = ", ".join(f'"{column}" {_KINDS[kind]}' for column, kind in columns.items())
        self._base.execute(f"CREATE SCHEMA IF NOT EXISTS {place.rpartition('.')[0]}")
        self._base.execute(f"CREATE TABLE {place} ({told})")


def _quoted(name: str) -> str:
    catalog, schema, table = name.split(".")
    return f'"uc_{catalog}"."{schema}"."{table}"'


def _translated(statement: str) -> str:
    """Return a statement in DuckDB's words."""

    def word(found: re.Match[str]) -> str:
        text, name, parameter, _ = found.groups()
        if text is not None:
            return text
        return f'"{name}"' if name is not None else f"${parameter}" if parameter else ""

    return _OF_CATALOG.sub(r'"uc_\1"', _TOKENS.sub(word, statement))


def _string(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, list | dict) else str(value)
