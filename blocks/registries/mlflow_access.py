"""How MLflow is spoken to: quietly, patiently where others write too, and with our errors."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mlflow.exceptions import MlflowException, RestException, get_error_code
from mlflow.protos.databricks_pb2 import ErrorCode
from pydantic import SecretStr
from requests.exceptions import RequestException
from sqlalchemy.exc import OperationalError, SADeprecationWarning

from blocks.contracts import (
    Conflict,
    Denied,
    InvalidRequest,
    NotFound,
    ProviderError,
    Throttled,
    Unavailable,
)

T = TypeVar("T")

PATIENCE = 15.0  # seconds to go on while others hold the data base
SETTINGS = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # by default MLflow tries for four minutes; tasks wait
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
MEANINGS: dict[str, type[ProviderError]] = {
    "ALREADY_EXISTS": Conflict,
    "CUSTOMER_UNAUTHORIZED": Denied,
    "DEADLINE_EXCEEDED": Unavailable,
    "ENDPOINT_NOT_FOUND": InvalidRequest,  # a web server, and not MLflow's
    "INVALID_PARAMETER_VALUE": InvalidRequest,
    "NOT_FOUND": NotFound,
    "PERMISSION_DENIED": Denied,
    "REQUEST_LIMIT_EXCEEDED": Throttled,
    "RESOURCE_ALREADY_EXISTS": Conflict,
    "RESOURCE_CONFLICT": Conflict,
    "RESOURCE_DOES_NOT_EXIST": NotFound,
    "RESOURCE_EXHAUSTED": Throttled,  # MLflow's word for 429
    "TEMPORARILY_UNAVAILABLE": Unavailable,
    "UNAUTHENTICATED": Denied,
}
_TOKEN = "MLFLOW_TRACKING_TOKEN"  # noqa: S105 - the name of a variable
_alone = threading.RLock()


def quieten() -> None:
    """Let MLflow print nothing, and give up soon; what the user has set stays."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    # It logs a traceback for every lock that it meets; whoever has to know gets our error.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    logging.getLogger("mlflow.store.model_registry.sqlalchemy_store").setLevel(logging.WARNING)
    # MLflow's own mapping; nothing that we or the user could change.
    warnings.filterwarnings("ignore", "The ``noload`` loader", category=SADeprecationWarning)


@contextmanager
def signed_in(token: SecretStr | None) -> Iterator[None]:
    """Let MLflow use this token. It takes one from the environment only, so one at a time."""
    if token is None:
        yield
        return
    with _alone:
        before = os.environ.get(_TOKEN)
        os.environ[_TOKEN] = token.get_secret_value()
        try:
            yield
        finally:
            del os.environ[_TOKEN]
            if before is not None:
                os.environ[_TOKEN] = before


def explain(error: Exception) -> ProviderError | None:
    """Return our error for one of MLflow's, or None if it is not MLflow's."""
    if isinstance(error, MlflowException) and not _network(error):
        code = str(error.error_code)
        kind = MEANINGS.get(code)
        if kind is None and isinstance(error, RestException) and code == "INTERNAL_ERROR":
            kind = Unavailable
        return kind(f"MLflow: {error}", code=code) if kind else None
    if (reply := _network(error)) is not None:
        status = reply.response.status_code if reply.response is not None else 503
        code = ErrorCode.Name(get_error_code(status))  # type: ignore[no-untyped-call]
        return MEANINGS.get(code, Unavailable)(f"MLflow does not answer: {reply}", code=code)
    if isinstance(error, OperationalError):
        return Unavailable(f"MLflow's data base: {error.orig}", code="DATABASE")
    if isinstance(error, PermissionError):
        return Denied(str(error))
    return Unavailable(str(error)) if isinstance(error, OSError) else None


def is_code(error: MlflowException, code: int) -> bool:
    """Whether the exception has that code of ``mlflow.protos.databricks_pb2``."""
    return bool(error.error_code == ErrorCode.Name(code))


def patiently(call: Callable[[], T], *, races: bool = False) -> T:
    """Call again while others hold the data base.

    With ``races``, also when MLflow gave up on a number that others took every time; the call must
    bear to be repeated after it was done.
    """
    end, pause = time.monotonic() + PATIENCE, 0.01
    while True:
        try:
            return call()
        except (OperationalError, MlflowException) as error:
            lost = races and str(getattr(error, "error_code", "")) == "INTERNAL_ERROR"
            if not (_locked(error) or lost) or time.monotonic() > end:
                raise
            time.sleep(pause)
            pause = min(2 * pause, 0.5)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _network(error: Exception) -> RequestException | None:
    """Return the exception of the HTTP client, which MLflow wraps without a code of its own."""
    return next((each for each in _chain(error) if isinstance(each, RequestException)), None)


def _locked(error: Exception) -> bool:
    found = (each.orig for each in _chain(error) if isinstance(each, OperationalError))
    return any(
        isinstance(each, sqlite3.OperationalError)
        and each.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        for each in found
    )
