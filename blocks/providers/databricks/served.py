"""Our part of a model that Databricks serves: requests are checked, counted and kept.

Databricks takes no images for models: it builds one around MLflow's scoring server, and that loads
us in place of the model. So the contract of a request is checked here, behind MLflow's reading of
it, and a model that fails is told from a caller who errs, which MLflow answers alike.
"""

from __future__ import annotations

import asyncio
import atexit
import math
import os
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos import databricks_pb2 as codes

from blocks.cloud.serving import CAPTURE_EVERY, CAPTURES, Settings, config_of
from blocks.cloud.shipping import Shipping
from blocks.cloud.tick_files import TickWriter
from blocks.providers.databricks.inside import Inside
from blocks.providers.databricks.volumes import Volumes
from blocks.serving.config import ServerConfig
from blocks.serving.model import ServedModel
from blocks.serving.refused import Refused
from blocks.serving.schema import UNNAMED
from blocks.serving.telemetry import Telemetry

TICKS = "BLUEWATER_TICKS"  # folder for counts
TICKS_EVERY = "BLUEWATER_TICKS_EVERY"  # seconds between two files of them
_CODES = {
    400: codes.BAD_REQUEST,
    413: codes.BAD_REQUEST,  # MLflow has no better one
    503: codes.TEMPORARILY_UNAVAILABLE,
    504: codes.DEADLINE_EXCEEDED,
}


def load(folder: Path) -> Served:
    """Return the model in a folder, for the endpoint that the environment names."""
    settings = Settings.from_environment(os.environ)
    place = Path(tempfile.mkdtemp(prefix="bluewater-"))
    config = config_of(
        settings,
        place,
        model=folder,
        host="",  # MLflow listens
        port=0,
        capture_every=float(os.environ.get(CAPTURE_EVERY, "30")),
    )
    return Served(config, ServedModel(config))


class Served:
    """What MLflow asks for predictions."""

    def __init__(self, config: ServerConfig, model: ServedModel) -> None:
        self._config, self._model = config, model
        self._telemetry = Telemetry(config, model.schema)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._wait(model.warm_up())
        volumes = Volumes(Inside())
        self._ticks = _ticks(volumes, config)
        self._shipping = Shipping(config.telemetry, volumes, _captures(config), out=self._ticks)
        self._telemetry.start()
        self._shipping.__enter__()
        atexit.register(self.close)

    def predict(self, data: Any, params: Mapping[str, Any] | None = None) -> Any:
        """Return the model's answer.

        Raises MlflowException, whose code tells MLflow's caller whose fault it is.
        """
        try:
            return self._answered(data, params)
        except Refused as refused:
            raise _told(refused) from refused

    def close(self) -> None:
        """Bring away what was counted and kept."""
        self._telemetry.close()
        self._shipping.__exit__(None, None, None)
        self._ticks.close()

    def _answered(self, data: Any, params: Mapping[str, Any] | None) -> Any:
        begun, columns = time.perf_counter(), columns_of(data)
        size = len(orjson.dumps(columns, default=str, option=orjson.OPT_SERIALIZE_NUMPY))
        if size > (most := self._config.serving.max_payload_bytes):
            message = f"the rows are {size} bytes, and {most} is the most"
            raise Refused(413, "SIZE", message, remedy="send fewer rows at once")
        rows = self._model.schema.rows(columns)
        parameters = self._model.parameters(dict(params) if params else None)
        answer, status = None, 500
        try:
            answer = self._wait(self._model.predict(rows, parameters))
            status = 200
        except Refused as refused:
            status = refused.status
            raise
        except Exception as error:
            message = f"the model failed: {type(error).__name__}"
            raise Refused(500, "MODEL", message, remedy="ask the owner of the model") from error
        finally:
            self._telemetry.answered(
                rows=rows,
                answer=answer,
                status=status,
                seconds=time.perf_counter() - begun,
                mirrored=False,
                user="",  # MLflow keeps headers to itself
                request_id=uuid.uuid4().hex,
                size=size,
            )
        return answer

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def columns_of(data: Any) -> dict[str, Sequence[Any]]:
    """Return the columns of what MLflow read from a request, as JSON would have them.

    MLflow reads records into a frame: a value that is missing is NaN there, and makes whole
    numbers beside it fractions.
    """
    if isinstance(data, pd.DataFrame):
        return {str(name): _values(data[name]) for name in data.columns}
    if isinstance(data, Mapping):
        return {str(name): np.asarray(values).tolist() for name, values in data.items()}
    return {UNNAMED: np.asarray(data).tolist()}


def _values(column: pd.Series[Any]) -> list[Any]:
    values = column.tolist()
    if column.dtype.kind != "f" or not column.isna().any():
        return [None if _is_nan(each) else each for each in values]
    whole = all(_is_nan(each) or each.is_integer() for each in values)
    return [None if _is_nan(each) else int(each) if whole else each for each in values]


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _told(refused: Refused) -> MlflowException:
    body = orjson.dumps(refused.body()["error"]).decode()
    code = _CODES.get(refused.status, codes.INTERNAL_ERROR)
    return MlflowException(body, error_code=code)


def _ticks(volumes: Volumes, config: ServerConfig) -> TickWriter:
    """Return what carries counts to the volume."""
    folder, every = f"{os.environ[TICKS]}/{config.endpoint}", os.environ.get(TICKS_EVERY, "10")
    return TickWriter(volumes, folder, config.replica, every=float(every))


def _captures(config: ServerConfig) -> str:
    """Return where captured requests go; empty: nowhere."""
    captures = os.environ.get(CAPTURES, "")
    return f"{captures}/{config.endpoint}" if captures else ""
