"""The served model: verified, loaded, and asked in threads of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd

from blocks.serving.config import ServerConfig
from blocks.serving.schema import Refused, RequestSchema
from blocks.workload import digest

THREADS = 4


class WrongDigest(Exception):
    """The model folder is not what was registered; nothing of it was loaded."""


class ServedModel:
    """One model in memory. At most ``concurrency`` requests are in its hands at a time."""

    def __init__(self, config: ServerConfig) -> None:
        found = digest(config.model_folder)
        if found != config.model.digest:
            raise WrongDigest(
                f"{config.model_folder} has digest {found}, registered was {config.model.digest}; "
                "register the model again"
            )
        loaded = mlflow.pyfunc.load_model(str(config.model_folder))
        self.schema = RequestSchema(loaded.metadata.signature)
        self.signature = loaded.metadata.signature
        # the schema has checked the frame; MLflow's own check would cost most of a request
        self._predict = getattr(loaded, "_model_impl", loaded).predict
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="model")
        self._limit, self._timeout = config.serving.concurrency, config.serving.timeout
        self.in_flight = 0

    async def predict(self, frame: pd.DataFrame) -> Sequence[Any]:
        """Return one prediction per row.

        Raises Refused with 503 when too many wait, and with 504 when the answer takes too long; the
        thread then still finishes, and counts as in flight until it has.
        """
        if self.in_flight >= self._limit:
            raise Refused(503, "BUSY", "too many requests at once", remedy="try again soon")
        self.in_flight += 1
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._scores, frame)
        work.add_done_callback(self._done)
        try:
            scores: Sequence[Any] = await asyncio.wait_for(
                asyncio.shield(work), self._timeout.total_seconds()
            )
        except TimeoutError as error:
            message = f"no answer within {self._timeout.total_seconds():g} s"
            raise Refused(504, "TIMEOUT", message, remedy="send fewer rows at once") from error
        return scores

    def _done(self, work: asyncio.Future[Any]) -> None:
        self.in_flight -= 1
        if not work.cancelled():
            work.exception()  # seen here, so that a late failure makes no noise

    def _scores(self, frame: pd.DataFrame) -> Sequence[Any]:
        scores = self._predict(frame)
        if isinstance(scores, pd.DataFrame):
            scores = scores.iloc[:, 0]
        found: list[Any] = np.asarray(scores).tolist()
        return found
