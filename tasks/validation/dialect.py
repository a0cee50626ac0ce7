"""Parquet files as a database that Great Expectations can ask, with memory that stays flat.

Great Expectations asks databases through SQLAlchemy, and knows PostgreSQL best. DuckDB understands
that SQL, reads Parquet in a stream and spills to disk. This dialect stands between the two: it says
PostgreSQL, runs DuckDB, and translates the little that differs.
"""

from __future__ import annotations

from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect

NAME = "parquet.duckdb"
TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "BOOLEAN": sa.BOOLEAN,
    "TINYINT": sa.SMALLINT,
    "SMALLINT": sa.SMALLINT,
    "INTEGER": sa.INTEGER,
    "BIGINT": sa.BIGINT,
    "UTINYINT": sa.SMALLINT,
    "USMALLINT": sa.INTEGER,
    "UINTEGER": sa.BIGINT,
    "UBIGINT": sa.NUMERIC,
    "HUGEINT": sa.NUMERIC,
    "FLOAT": sa.REAL,
    "DOUBLE": sa.DOUBLE_PRECISION,
    "VARCHAR": sa.VARCHAR,
    "DATE": sa.DATE,
    "BLOB": sa.LargeBinary,
}


class ParquetCompiler(PGCompiler):
    """PostgreSQL's SQL, where DuckDB reads it the same way."""

    def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> str:
        """Let ``~`` search, as in PostgreSQL; DuckDB's own wants the whole text to match."""
        if operator.opstring in {"~", "!~"}:
            sides = self.process(element.left, **kw), self.process(element.right, **kw)
            found = f"regexp_matches({', '.join(sides)})"
            return found if operator.opstring == "~" else f"(not {found})"
        other: Any = super()
        return str(other.visit_custom_op_binary(element, operator, **kw))


class Cursor:
    """DuckDB's cursor, whose columns have types in words.

    SQLAlchemy keeps descriptions to the end of the process; DuckDB's own types must not last as
    long, or its binding complains of leaks on the way out.
    """

    def __init__(self, base: duckdb.DuckDBPyConnection) -> None:
        self._base = base

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """Return name, type and five empty fields for each column of the answer."""
        found = self._base.description
        return [(name, str(kind), *rest) for name, kind, *rest in found] if found else None


class Connection:
    """What SQLAlchemy calls a connection: every cursor keeps its own answer."""

    def __init__(self, base: duckdb.DuckDBPyConnection) -> None:
        self._base = base

    def cursor(self) -> Cursor:
        """Return a cursor whose answer nothing else ends."""
        return Cursor(self._base.cursor())

    def commit(self) -> None:
        """Do nothing: the files are only read."""

    def rollback(self) -> None:
        """Do nothing: the files are only read."""

    def close(self) -> None:
        """Close the data base."""
        self._base.close()


class Driver:
    """DuckDB, as the module that SQLAlchemy expects of a driver."""

    paramstyle = "qmark"
    Error = duckdb.Error

    @staticmethod
    def connect(path: str, **config: Any) -> Connection:
        """Open a data base that was prepared by :mod:`tasks.validation.parquet`."""
        return Connection(duckdb.connect(path, read_only=True, config=config))


class ParquetDialect(PGDialect):
    """SQLAlchemy's way to a prepared DuckDB file; its name makes others speak PostgreSQL to it."""

    driver = "duckdb"
    statement_compiler = ParquetCompiler
    supports_statement_cache = True
    default_paramstyle = "qmark"

    @classmethod
    def import_dbapi(cls) -> Any:
        """Return what opens connections."""
        return Driver

    @classmethod
    def get_pool_class(cls, url: sa.URL) -> type[sa.Pool]:
        """Return a pool of one connection: the file is one data base."""
        return sa.StaticPool

    def create_connect_args(self, url: sa.URL) -> Any:
        """Return the path and DuckDB's settings out of the URL."""
        return [url.database], dict(url.query)

    def initialize(self, connection: Any) -> None:
        """Ask nothing: DuckDB has none of PostgreSQL's settings."""
        self.default_schema_name = "main"

    def has_table(self, connection: Any, table_name: str, schema: Any = None, **kw: Any) -> bool:
        """Whether there is such a view."""
        return table_name in self.get_table_names(connection)

    def get_table_names(self, connection: Any, schema: Any = None, **kw: Any) -> list[str]:
        """Return the views, which count as tables here."""
        found = connection.execute(sa.text("select view_name from duckdb_views where not internal"))
        return [str(name) for (name,) in found]

    def get_view_names(self, connection: Any, schema: Any = None, **kw: Any) -> list[str]:
        """Return nothing: they are told as tables."""
        return []

    def get_schema_names(self, connection: Any, **kw: Any) -> list[str]:
        """Return the one schema."""
        return ["main"]

    def get_pk_constraint(
        self, connection: Any, table_name: str, schema: Any = None, **kw: Any
    ) -> Any:
        """Return no key: Parquet has none."""
        return {"constrained_columns": [], "name": None}

    def get_columns(
        self, connection: Any, table_name: str, schema: Any = None, **kw: Any
    ) -> list[Any]:
        """Return names and types of the columns."""
        quoted = self.identifier_preparer.quote(str(table_name))
        found = connection.execute(sa.text(f"describe {quoted}"))
        return [
            {"name": str(name), "type": _type(str(kind)), "nullable": True, "default": None}
            for name, kind, *_ in found
        ]


def _type(kind: str) -> sa.types.TypeEngine[Any]:
    if kind.startswith("TIMESTAMP"):
        return sa.TIMESTAMP(timezone="ZONE" in kind)
    if kind.startswith("DECIMAL"):
        return sa.NUMERIC()
    return TYPES.get(kind, sa.types.NullType)()


registry.register(NAME, __name__, ParquetDialect.__name__)
