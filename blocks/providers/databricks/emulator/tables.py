"""Tables of Unity Catalog, and the SQL warehouse that reads them: DuckDB, in memory.

A row may come into its table later than it was made. A view is its query, run anew each time.
"""

from __future__ import annotations

import heapq
import itertools
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import duckdb

from blocks.providers.databricks.emulator.dialect import (
    COLUMN,
    DEFINES,
    DROPS,
    FILES,
    KINDS,
    NOW,
    READ,
    SYSTEM,
    Failed,
    backticked,
    named,
    plain,
    quoted,
    to_failed,
    to_text,
    told_kind,
    translated,
)
from blocks.providers.databricks.emulator.launch import CATALOG
from blocks.providers.databricks.emulator.refusals import Refused
from blocks.providers.databricks.emulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The rows that a statement returned; values are strings, as JSON arrays have them."""

    columns: Sequence[tuple[str, str]]  # name and kind
    rows: Sequence[Sequence[str | None]]


_NOTHING = Answer(columns=(), rows=())


class Tables:
    """The tables and views of one workspace. Guarded by the world's lock."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._owners: dict[str, str] = {}
        self._views: dict[str, str] = {}  # queries, as they were written
        self._ids: dict[str, str] = {}
        self._coming: list[tuple[float, int, str, Sequence[Any]]] = []
        self._columns: dict[str, Mapping[str, str]] = {}
        self._numbers = itertools.count()
        self.before: Callable[[], None] = lambda: None  # is called before a statement is run

    @cached_property
    def _base(self) -> Any:
        """The data base, opened by who needs it: its threads do not outlive a fork."""
        base: Any = duckdb.connect()
        base.execute("SET TimeZone='UTC'")
        for catalog in (CATALOG, SYSTEM):
            base.execute(f"ATTACH ':memory:' AS uc_{catalog}")
        return base

    def exists(self, name: str) -> bool:
        """Whether a table or a view is there by now."""
        self._catch_up()
        return name in self._owners

    def id_of(self, name: str) -> str:
        """Return the id of a table."""
        return self._ids.setdefault(name, str(uuid.uuid4()))

    def named(self, id_: str) -> str:
        """Return the name of the table with an id; empty if it is not there."""
        found = next((name for name, each in self._ids.items() if each == id_), "")
        return found if found in self._owners else ""

    def plan(self, name: str, columns: Mapping[str, str], owner: str) -> None:
        """Have a table be made with its first row; columns are names with kinds."""
        self._columns.setdefault(name, {"": owner, **columns})

    def make(self, name: str) -> None:
        """Make a planned table at once, if it is not there."""
        if name not in self._owners:
            self._make(name)

    def add(self, name: str, row: Sequence[Any], *, at: float) -> None:
        """Have a row come into a planned table at a moment of the cloud's time."""
        heapq.heappush(self._coming, (at, next(self._numbers), name, row))

    def run(self, statement: str, parameters: Mapping[str, Any], caller: str) -> Answer:
        """Run a statement as somebody. Raises Failed."""
        self.before()
        self._catch_up()
        try:
            if (found := DEFINES.match(statement)) is not None:
                return self._defined(found, caller)
            if (found := DROPS.match(statement)) is not None:
                return self._dropped(found, caller)
            text = self._translated(statement, self._world.clock.now())
            self._require_readable(text, caller)
            cursor = self._base.cursor().execute(text, dict(parameters))
            columns = [(each[0], told_kind(each[1])) for each in cursor.description]
            rows = [[to_text(value) for value in row] for row in cursor.fetchall()]
        except duckdb.Error as error:
            raise to_failed(error) from error
        return Answer(columns=columns, rows=rows)

    def columns(self, name: str, *, at: float) -> Mapping[str, list[Any]]:
        """Return the columns of a table or a view as it is at a moment. Raises Failed."""
        self._catch_up()
        try:
            text = self._translated(f"FROM {backticked(name)}", at)
            cursor = self._base.cursor().execute(text)
            names = [each[0] for each in cursor.description]
            rows = cursor.fetchall()
        except duckdb.Error as error:
            raise to_failed(error) from error
        return {each: [row[place] for row in rows] for place, each in enumerate(names)}

    def described(self, name: str) -> Sequence[tuple[str, str]]:
        """Return the columns of a table or a view with their kinds. Raises Failed."""
        text = self._translated(f"FROM {backticked(name)}", self._world.clock.now())
        try:
            cursor = self._base.cursor().execute(f"{text} LIMIT 0")
        except duckdb.Error as error:
            raise to_failed(error) from error
        return [(each[0], told_kind(each[1])) for each in cursor.description]

    def is_view(self, name: str) -> bool:
        """Whether it is a view."""
        return name in self._views

    def owner(self, name: str) -> str:
        """Return who made a table."""
        return self._owners[name]

    def _defined(self, found: re.Match[str], caller: str) -> Answer:
        """Make a table or a view of a query."""
        verb, kind, name = found["verb"].upper(), found["kind"].upper(), plain(found["name"])
        query, there = found["query"], name in self._owners
        if verb == "ALTER" and not there:
            raise Failed("42P01", f"[TABLE_OR_VIEW_NOT_FOUND] {name}")
        if verb == "CREATE" and there and not found["replace"]:
            raise Failed("42P07", f"[TABLE_OR_VIEW_ALREADY_EXISTS] {name}")
        if not there:
            self._permit(caller, "CREATE TABLE")
        elif self._owners[name] != caller:
            self._permit(caller, "MANAGE")
        text = self._translated(query, self._world.clock.now())
        self._require_readable(text, caller)
        place = quoted(name)
        self._base.execute(f"CREATE SCHEMA IF NOT EXISTS {place.rpartition('.')[0]}")
        if kind == "VIEW":
            self._base.cursor().execute(f"EXPLAIN {text}")
            self._views[name] = query
        else:
            self._base.execute(f"CREATE OR REPLACE TABLE {place} AS {text}")
        self._owners[name] = caller
        self.id_of(name)
        return _NOTHING

    def _dropped(self, found: re.Match[str], caller: str) -> Answer:
        name, is_view = plain(found["name"]), found["kind"].upper() == "VIEW"
        if name not in self._owners:
            if found["sure"]:
                return _NOTHING
            raise Failed("42P01", f"[TABLE_OR_VIEW_NOT_FOUND] {name}")
        if is_view != self.is_view(name):
            raise Failed("42809", f"[EXPECT_{'VIEW' if is_view else 'TABLE'}] {name}")
        if self._owners[name] != caller:
            self._permit(caller, "MANAGE")
        if not is_view:
            self._base.execute(f"DROP TABLE {quoted(name)}")
        for each in (self._owners, self._ids, self._views, self._columns):
            each.pop(name, None)
        return _NOTHING

    def _translated(self, statement: str, now: float) -> str:
        """Return a statement in DuckDB's words: views are their queries, files are read here."""
        moment = datetime.fromtimestamp(now, UTC).isoformat()
        text = NOW.sub(f"CAST('{moment}' AS TIMESTAMP WITH TIME ZONE)", statement)
        text = translated(FILES.sub(self._files, text))
        for name, query in self._views.items():
            if (place := quoted(name)) in text:
                text = text.replace(place, f"({self._translated(query, now)})")
        return text

    def _files(self, found: re.Match[str]) -> str:
        """Return what reads the Parquet files of a path, with the columns that were asked for."""
        place = self._world.place(found["path"])
        files = sorted(place.rglob("*.parquet")) if place.is_dir() else [place]
        there = [str(file) for file in files if file.is_file()]
        kinds = dict(COLUMN.findall(found["schema"] or ""))
        if not there and not kinds:
            raise Failed("42000", f"[CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE] {found['path']}")
        read = f"read_parquet({there}, union_by_name=true)"
        if not kinds:
            return read
        known = self._names(read) if there else set()
        told = ", ".join(
            f"CAST({named(name) if name in known else 'NULL'} AS {KINDS[kind.upper()]}) "
            f"AS {named(name)}"
            for name, kind in kinds.items()
        )
        return f"(SELECT {told} {f'FROM {read}' if there else 'WHERE false'})"

    def _names(self, source: str) -> set[str]:
        cursor = self._base.cursor().execute(f"FROM {source} LIMIT 0")
        return {each[0] for each in cursor.description}

    def _require_readable(self, text: str, caller: str) -> None:
        for found in READ.findall(text):
            name = plain(found).removeprefix("uc_")
            if self._owners.get(name) not in (None, caller):
                privilege = f"SELECT {SYSTEM}" if name.startswith(f"{SYSTEM}.") else "SELECT"
                self._permit(caller, privilege)

    def _permit(self, caller: str, privilege: str) -> None:
        try:
            self._world.permit(caller, privilege)
        except Refused as error:
            raise Failed("42501", f"[INSUFFICIENT_PERMISSIONS] {error.message}") from error

    def _catch_up(self) -> None:
        """Bring in the rows whose time has come."""
        now = self._world.clock.now()
        while self._coming and self._coming[0][0] <= now:
            _, _, name, row = heapq.heappop(self._coming)
            self.make(name)
            marks = ", ".join("?" for _ in row)
            self._base.execute(f"INSERT INTO {quoted(name)} VALUES ({marks})", list(row))  # noqa: S608

    def _make(self, name: str) -> None:
        columns, place = dict(self._columns[name]), quoted(name)
        self._owners[name] = columns.pop("")
        self.id_of(name)
        told = ", ".join(f"{named(column)} {KINDS[kind]}" for column, kind in columns.items())
        self._base.execute(f"CREATE SCHEMA IF NOT EXISTS {place.rpartition('.')[0]}")
        self._base.execute(f"CREATE TABLE {place} ({told})")
