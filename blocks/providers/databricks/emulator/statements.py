"""Statements for a SQL warehouse, with their results in chunks."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from blocks.providers.databricks.emulator.dialect import Failed, type_name
from blocks.providers.databricks.emulator.launch import WAREHOUSE
from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.refusals import Refused, invalid, missing
from blocks.providers.databricks.emulator.tables import Answer, Tables

_USE = "warehouse CAN_USE"
_WAIT = re.compile(r"(\d+)s")
_CHUNK = 500  # rows


@dataclass(slots=True, kw_only=True)
class Statement:
    """One statement, and what came of it."""

    by: str
    asked: Said
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: Answer | None = None
    failed: Failed | None = None

    @property
    def over(self) -> bool:
        """Whether it has been run."""
        return self.answer is not None or self.failed is not None


class Statements:
    """Runs statements; one that is not waited for is run when it is next asked for."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._statements: dict[str, Statement] = {}

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        api = "sql:StatementExecutionAPI"
        return (
            Route(sdk=f"{api}.execute_statement", action=_USE, handler=self._execute),
            Route(sdk=f"{api}.get_statement", action=_USE, handler=self._get),
            Route(sdk=f"{api}.get_statement_result_chunk_n", action=_USE, handler=self._chunk),
        )

    def _execute(self, asked: Asked) -> Said:
        body = asked.body
        if body["warehouse_id"] != WAREHOUSE:
            raise missing(f"SQL warehouse {body['warehouse_id']} does not exist.")
        if (body.get("disposition", "INLINE"), body.get("format", "JSON_ARRAY")) != (
            "INLINE",
            "JSON_ARRAY",
        ):
            raise Refused("NOT_IMPLEMENTED", "only JSON arrays, inline, are emulated", 501)
        statement = Statement(by=asked.caller, asked=body)
        self._statements[statement.id] = statement
        if _seconds(body.get("wait_timeout", "10s")):
            self._run(statement)
        return self._told(statement)

    def _get(self, asked: Asked) -> Said:
        statement = self._known(asked)
        if not statement.over:
            self._run(statement)
        return self._told(statement)

    def _chunk(self, asked: Asked) -> Said:
        answer = self._known(asked).answer
        number = int(asked["chunk_index"])
        if answer is None or not 0 <= number < _chunks(answer):
            raise invalid(f"There is no chunk {number}.")
        return _data(answer, number)

    def _run(self, statement: Statement) -> None:
        asked = statement.asked
        given = {each["name"]: each.get("value") for each in asked.get("parameters") or ()}
        try:
            statement.answer = self._tables.run(asked["statement"], given, statement.by)
        except Failed as error:
            statement.failed = error

    def _told(self, statement: Statement) -> Said:
        told: Said = {"statement_id": statement.id}
        if statement.failed is not None:
            error = {"error_code": "BAD_REQUEST", "message": str(statement.failed)}
            state = {"state": "FAILED", "error": error, "sql_state": statement.failed.state}
            return told | {"status": state}
        answer = statement.answer
        if answer is None:
            return told | {"status": {"state": "PENDING"}}
        columns = [
            {"name": name, "position": place, "type_name": type_name(kind), "type_text": kind}
            for place, (name, kind) in enumerate(answer.columns)
        ]
        manifest = {
            "format": "JSON_ARRAY",
            "schema": {"column_count": len(columns), "columns": columns},
            "total_chunk_count": _chunks(answer),
            "total_row_count": len(answer.rows),
            "truncated": False,
        }
        state = {"state": "SUCCEEDED"}
        return told | {"status": state, "manifest": manifest, "result": _data(answer, 0)}

    def _known(self, asked: Asked) -> Statement:
        found = self._statements.get(asked["statement_id"])
        if found is None:
            raise missing(f"Statement {asked['statement_id']} does not exist.")
        return found


def _seconds(told: str) -> int:
    found = _WAIT.fullmatch(told)
    seconds = int(found[1]) if found else -1
    if seconds != 0 and not 5 <= seconds <= 50:
        raise invalid("wait_timeout must be 0s, or between 5s and 50s.")
    return seconds


def _chunks(answer: Answer) -> int:
    return max(1, -(-len(answer.rows) // _CHUNK))


def _data(answer: Answer, number: int) -> Said:
    start = number * _CHUNK
    rows: Any = list(answer.rows[start : start + _CHUNK])
    told: Said = {"chunk_index": number, "row_offset": start, "row_count": len(rows)}
    if number + 1 < _chunks(answer):
        told["next_chunk_index"] = number + 1
    return told | {"data_array": rows}
