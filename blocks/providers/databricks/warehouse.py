"""Reads tables of Unity Catalog: statements for a SQL warehouse, and their rows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.sql import (
    ExecuteStatementRequestOnWaitTimeout,
    StatementParameterListItem,
    StatementResponse,
    StatementState,
)

from blocks.contracts import Denied, InvalidRequest, NotFound, ProviderError, Unavailable
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.errors import is_missing

Row = Mapping[str, str | None]
_WAIT = "30s"  # that the first call waits; a warehouse may have to start
_PATIENCE = 300.0  # seconds, in all
_LOOK_EVERY = 2.0  # seconds
_OVER = (StatementState.SUCCEEDED, StatementState.FAILED)
_OVER_OTHERWISE = (StatementState.CANCELED, StatementState.CLOSED)
_STATES: Mapping[str, type[ProviderError]] = {  # SQLSTATE -> what it means
    "42P01": NotFound,
    "42704": NotFound,
    "42501": Denied,
}


def rows(account: DatabricksWorkspace, statement: str, **given: str) -> Iterator[Row]:
    """Yield the rows of a statement, whose values are strings; ``:name`` in it is a word given.

    Raises:
        InvalidRequest: there is no warehouse, or the statement is none.
        NotFound: there is no such table (yet).
        Unavailable: the warehouse takes too long.
    """
    if not account.warehouse:
        raise InvalidRequest(
            "tables are read by a SQL warehouse; set warehouse in the Databricks workspace block",
            code="WAREHOUSE",
        )
    api = account.client(attempts=READS).statement_execution
    told = _over(api, _begun(api, account, statement, given))
    names = [each.name for each in told.manifest.schema.columns]
    result = told.result
    while result is not None:
        for values in result.data_array or ():
            yield dict(zip(names, values, strict=True))
        more = result.next_chunk_index
        result = api.get_statement_result_chunk_n(told.statement_id, more) if more else None


def _begun(
    api: Any, account: DatabricksWorkspace, statement: str, given: Mapping[str, str]
) -> StatementResponse:
    words = [StatementParameterListItem(name=name, value=value) for name, value in given.items()]
    try:
        return api.execute_statement(
            statement,
            account.warehouse,
            parameters=words,
            wait_timeout=_WAIT,
            on_wait_timeout=ExecuteStatementRequestOnWaitTimeout.CONTINUE,
        )
    except DatabricksError as error:
        if is_missing(error):  # or else it would be taken for a table that is not there
            raise InvalidRequest(str(error), code="WAREHOUSE") from error
        raise


def _over(api: Any, told: StatementResponse) -> StatementResponse:
    """Return a statement that succeeded."""
    end = time.monotonic() + _PATIENCE
    while told.status.state not in (*_OVER, *_OVER_OTHERWISE):
        if time.monotonic() > end:
            raise Unavailable("the SQL warehouse takes too long", code="WAREHOUSE")
        time.sleep(_LOOK_EVERY)
        told = api.get_statement(told.statement_id)
    if told.status.state is StatementState.SUCCEEDED:
        return told
    state, error = told.status.sql_state or "", told.status.error
    message = error.message if error is not None else f"the statement was {told.status.state.value}"
    raise _STATES.get(state, InvalidRequest)(str(message), code=state or "STATEMENT")
