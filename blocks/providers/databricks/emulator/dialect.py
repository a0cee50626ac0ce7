"""Databricks' SQL, as far as it is read here, in DuckDB's words; and what comes back, in its own.

Names in backticks, parameters with a colon, three-part names, and kinds of columns are translated.
What only Databricks has, ``read_files`` among it, is found here and done elsewhere.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from blocks.providers.databricks.emulator.launch import CATALOG

SYSTEM = "system"
KINDS = {
    "STRING": "VARCHAR",
    "INT": "INTEGER",
    "BIGINT": "BIGINT",
    "DOUBLE": "DOUBLE",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "ARRAY": "VARCHAR[]",
    "FLOAT": "FLOAT",
    "WINDOW": 'STRUCT("start" TIMESTAMP WITH TIME ZONE, "end" TIMESTAMP WITH TIME ZONE)',
    "KS": "STRUCT(statistic DOUBLE)",
}
_TOLD = {kind: name for name, kind in KINDS.items()} | {"HUGEINT": "DECIMAL"}
_TOKENS = re.compile(r"('(?:[^']|'')*')|`([^`]*)`|(?<![:\w]):([A-Za-z_]\w*)|(--[^\n]*)")
_OF_CATALOG = re.compile(rf'"?\b({CATALOG}|{SYSTEM})\b"?(?=\.[\w"]+\.)')
DEFINES = re.compile(
    r"\s*(?P<verb>CREATE|ALTER)\s+(?P<replace>OR\s+REPLACE\s+)?(?P<kind>TABLE|VIEW)\s+"
    r"(?P<name>[\w`.-]+)\s+AS\s+(?P<query>.+)",
    re.IGNORECASE | re.DOTALL,
)
DROPS = re.compile(
    r"\s*DROP\s+(?P<kind>TABLE|VIEW)\s+(?P<sure>IF\s+EXISTS\s+)?(?P<name>[\w`.-]+)\s*$",
    re.IGNORECASE,
)
FILES = re.compile(
    r"read_files\(\s*'(?P<path>[^']+)',\s*format\s*=>\s*'parquet'"
    r"(?:,\s*schema\s*=>\s*'(?P<schema>[^']*)')?\s*\)",
    re.IGNORECASE,
)
COLUMN = re.compile(r"`([^`]+)`\s+(\w+)")
NOW = re.compile(r"current_timestamp\(\)", re.IGNORECASE)
READ = re.compile(r'\b(?:FROM|JOIN)\s+("uc_[^\s,;()]+)', re.IGNORECASE)


class Failed(Exception):
    """A statement that the warehouse cannot do: its SQLSTATE, and why."""

    def __init__(self, state: str, message: str) -> None:
        super().__init__(message)
        self.state = state


def translated(statement: str) -> str:
    """Return a statement in DuckDB's words, as far as words go."""

    def word(found: re.Match[str]) -> str:
        text, name, parameter, _ = found.groups()
        if text is not None:
            return text
        return f'"{name}"' if name is not None else f"${parameter}" if parameter else ""

    return _OF_CATALOG.sub(r'"uc_\1"', _TOKENS.sub(word, statement))


def to_failed(error: duckdb.Error) -> Failed:
    """Return why a statement came to nothing, with its SQLSTATE."""
    if isinstance(error, duckdb.CatalogException):
        return Failed("42P01", f"[TABLE_OR_VIEW_NOT_FOUND] {error}")
    if isinstance(error, duckdb.ParserException):
        return Failed("42601", f"[PARSE_SYNTAX_ERROR] {error}")
    return Failed("42703", f"[UNRESOLVED] {error}")


def type_name(kind: str) -> str:
    """Return what the API calls a kind of column; SQL has a word of its own for whole numbers."""
    return "LONG" if kind == "BIGINT" else kind


def told_kind(kind: Any) -> str:
    """Return the kind of a column, as Databricks calls it."""
    return _TOLD.get(str(kind), "STRING")


def plain(name: str) -> str:
    """Return a name without the marks around its parts."""
    return name.replace("`", "").replace('"', "")


def backticked(name: str) -> str:
    """Return a full name as Databricks has it."""
    return ".".join(f"`{part}`" for part in name.split("."))


def named(name: str) -> str:
    """Return one name as DuckDB has it."""
    return f'"{name}"'


def quoted(name: str) -> str:
    """Return a full name as DuckDB has it."""
    catalog, schema, table = name.split(".")
    return f'"uc_{catalog}"."{schema}"."{table}"'


def to_text(value: Any) -> str | None:
    """Return a value as JSON arrays have it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return json.dumps(value) if isinstance(value, list | dict) else str(value)
