"""Online predictions: a request goes to one served entity by the split, or to the one it names."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence

import httpx
from werkzeug.wrappers import Response

from blocks.emulation import loopback
from blocks.providers.databricks.emulator.catalog import Catalog
from blocks.providers.databricks.emulator.gateway import Exchange, Gateway
from blocks.providers.databricks.emulator.mlflow_unity import MlflowUnity
from blocks.providers.databricks.emulator.monitors import Monitors
from blocks.providers.databricks.emulator.operations import Asked, Route
from blocks.providers.databricks.emulator.refusals import Refused, invalid, missing
from blocks.providers.databricks.emulator.registered_models import RegisteredModels
from blocks.providers.databricks.emulator.served_entity import ServedEntity
from blocks.providers.databricks.emulator.serving_endpoints import ServingEndpoints
from blocks.providers.databricks.emulator.statements import Statements
from blocks.providers.databricks.emulator.tables import Tables
from blocks.providers.databricks.emulator.unity_models import UnityModels
from blocks.providers.databricks.emulator.world import World

_MOST = 16 * 1024 * 1024  # bytes of a request
_TIMEOUT = 297.0  # seconds that an answer may take
_QUERY = "endpoint CAN_QUERY"
_HEADERS, _JSON = ("content-type",), "application/json"


class Predictions:
    """Invocations, with the endpoints that they ask and the models that these serve."""

    def __init__(self, world: World) -> None:
        self._world, models, tables = world, UnityModels(world), Tables(world)
        self._gateway = Gateway(world, tables)
        self._endpoints = ServingEndpoints(world, models, self._gateway)
        catalog = Catalog(world, tables)
        self._others = (
            catalog,
            Monitors(world, tables, catalog),
            self._endpoints,
            RegisteredModels(world, models),
            MlflowUnity(models),
            Statements(tables),
        )
        self._http = loopback.client(timeout=_TIMEOUT)

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        by_split, alone = (
            Route(
                verb="POST",
                path=f"/serving-endpoints/{{name}}{below}/invocations",
                call="serving:query",
                action=_QUERY,
                handler=self._invoke,
                locked=False,
            )
            for below in ("", "/served-models/{entity}")
        )
        return [by_split, alone, *(route for each in self._others for route in each.routes())]

    def _invoke(self, asked: Asked) -> Response:
        found, now = self._endpoints.open(asked["name"]), self._world.clock.now
        self._gateway.admit(asked["name"], found.gateway, asked.caller)
        name = asked.words.get("entity") or _chosen(found.split)
        if name not in found.served:
            raise missing(f"Served model '{name}' does not exist.")
        content, entity = asked.request.get_data(), found.served[name]
        if len(content) > _MOST:
            raise invalid(f"The request is {len(content)} bytes, and must not exceed {_MOST}.")
        kind, begun, at = asked.request.headers.get("Content-Type", _JSON), time.monotonic(), now()
        with entity.asking():
            reply = self._answer(entity, content, kind)
        exchange = Exchange(
            entity=entity.id,
            caller=asked.caller,
            at=at,
            seconds=time.monotonic() - begun,
            status=reply.status_code,
            request=content,
            response=reply.content,
        )
        self._gateway.keep(asked["name"], found.gateway, found.owner, exchange)
        kept = {key: reply.headers[key] for key in _HEADERS if key in reply.headers}
        return Response(
            reply.content, status=reply.status_code, headers={**kept, "served-model-name": name}
        )

    def _answer(self, entity: ServedEntity, content: bytes, kind: str) -> httpx.Response:
        try:
            return self._http.post(
                f"{entity.url()}/invocations", content=content, headers={"content-type": kind}
            )
        except httpx.TimeoutException as error:
            raise Refused("DEADLINE_EXCEEDED", "The model took too long to answer.", 504) from error
        except httpx.HTTPError as error:
            raise Refused(
                "TEMPORARILY_UNAVAILABLE", f"The model broke off: {error}", 503
            ) from error


def _chosen(split: Mapping[str, int]) -> str:
    return random.choices(list(split), list(split.values()))[0]  # noqa: S311 - no secret
