"""The served model: verified, loaded, and asked within its limits."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Mapping
from typing import Any

from blocks.serving.columns import Array, Column
from blocks.serving.config import ServerConfig
from blocks.serving.loading import NotVerified, load_verified
from blocks.serving.refused import Refused
from blocks.serving.schema import Rows, schema_of
from blocks.serving.workers import Parameters, Workers

log = logging.getLogger(__name__)


class NotServed(Exception):
    """The model is not served: it is not what was registered, or it does not load."""


class ServedModel:
    """One model in memory. At most ``concurrency`` requests are in its hands at a time."""

    def __init__(self, config: ServerConfig) -> None:
        try:
            loaded = load_verified(config.model_folder, config.model.digest)
        except NotVerified as error:
            raise NotServed(str(error)) from error
        except Exception as error:
            log.exception("the model does not load")
            raise NotServed(f"the model does not load: {type(error).__name__}: {error}") from error
        self.signature = loaded.metadata.signature
        self.schema = schema_of(self.signature)
        if not self.schema.strict:
            log.warning("the model has no signature with names: requests cannot be checked")
        # the schema has checked the rows; MLflow's own check would cost several times the rest
        self._predict = getattr(loaded, "_predict_fn", loaded.predict)
        self._takes_parameters = "params" in inspect.signature(self._predict).parameters
        specs = self.signature.params.params if self.signature and self.signature.params else []
        self._parameters = {spec.name: spec for spec in specs}
        self._limit = config.serving.concurrency
        self._timeout = config.serving.timeout.total_seconds()
        self._workers = Workers(self._ask, merge=config.serving.merge and self.schema.strict)
        self._workers.start()

    @property
    def in_flight(self) -> int:
        """Requests that wait or are being answered."""
        return self._workers.unfinished

    async def predict(self, rows: Rows, parameters: Parameters = None) -> Any:
        """Return the model's answer as JSON holds it.

        Raises Refused with 503 when too many wait, and with 504 when the answer takes too long; the
        thread then still finishes, and counts as in flight until it has.
        """
        if self.in_flight >= self._limit:
            message = f"{self._limit} requests are in flight"
            raise Refused(503, "BUSY", message, remedy="try again soon", retry_after=1)
        work = self._workers.submit(rows, parameters)
        try:
            await asyncio.wait([work.future], timeout=self._timeout)
        finally:
            if not work.future.done():
                self._workers.abandon(work)
        if work.future.cancelled():
            message = f"no answer within {self._timeout:g} s"
            raise Refused(504, "TIMEOUT", message, remedy="send fewer rows at once")
        return work.future.result()

    def parameters(self, given: Any) -> Parameters:
        """Return the call's parameters, defaults filled in. Raises Refused."""
        if given is None and not self._parameters:
            return None
        if not isinstance(given, dict | None):
            raise Refused(400, "TYPE", "params is no object", field="params", remedy="send {}")
        found = {name: spec.default for name, spec in self._parameters.items()}
        for name, value in (given or {}).items():
            if name not in self._parameters:
                message = f"{name[:100]!r} is no parameter of this model"
                remedy = f"send {', '.join(self._parameters) or 'no params'}"
                raise Refused(400, "UNKNOWN_PARAMETER", message, field=name[:100], remedy=remedy)
            spec = self._parameters[name]
            values = value if spec.shape is not None and isinstance(value, list) else [value]
            Column(name, getattr(spec.dtype, "name", "any"), required=True).array(values)
            found[name] = value
        return found

    async def warm_up(self) -> None:
        """Ask for one made-up row, so that the first caller does not pay for first times."""
        if not (example := self.schema.example()):
            return
        try:
            await self.predict(self.schema.rows(example), self.parameters(None))
        except Exception as error:  # noqa: BLE001 - a made-up row may well be one it cannot answer
            log.info("the made-up row was not answered: %s", type(error).__name__)

    def _ask(self, columns: Mapping[str, Array], parameters: Parameters) -> Any:
        data = self.schema.build(columns)
        if parameters and self._takes_parameters:
            return self._predict(data, params=dict(parameters))
        return self._predict(data)
