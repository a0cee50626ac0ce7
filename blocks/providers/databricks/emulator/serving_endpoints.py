"""Serving endpoints: created, updated as a whole and one update at a time, and taken down."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from werkzeug.wrappers import Response

from blocks.providers.databricks.emulator.endpoint_config import Config, configured
from blocks.providers.databricks.emulator.gateway import Gateway
from blocks.providers.databricks.emulator.operations import Asked, Route, Said
from blocks.providers.databricks.emulator.refusals import Refused, invalid, missing
from blocks.providers.databricks.emulator.served_entity import READY, STUCK, NotReady, ServedEntity
from blocks.providers.databricks.emulator.unity_models import UnityModels
from blocks.providers.databricks.emulator.world import World

NOT_UPDATING, IN_PROGRESS, UPDATE_FAILED = "NOT_UPDATING", "IN_PROGRESS", "UPDATE_FAILED"
_VIEW, _MANAGE, _CREATE = "endpoint CAN_VIEW", "endpoint CAN_MANAGE", "endpoint CREATE"


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """One endpoint: the configuration in force, and the one that is being put."""

    name: str
    by: str
    at: int
    tags: list[Said]
    gateway: Said | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    config: Config | None = None
    pending: Config | None = None
    update: str = NOT_UPDATING
    versions: int = 0
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def ready(self) -> bool:
        """Whether all that it serves can be asked."""
        return self.config is not None and all(
            each.state == READY for each in self.config.served.values()
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """An endpoint as it is open to requests."""

    split: Mapping[str, int]
    served: Mapping[str, ServedEntity]
    gateway: Said | None
    owner: str


class ServingEndpoints:
    """Endpoints by name. An update takes a thread of its own."""

    def __init__(self, world: World, models: UnityModels, gateway: Gateway) -> None:
        self._world, self._models, self._gateway = world, models, gateway
        self._endpoints: dict[str, Endpoint] = {}
        self._made: list[str] = []
        world.levers["entities-made"] = lambda _: list(self._made)
        world.levers["kill-servers"] = self._kill

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        api = "serving:ServingEndpointsAPI"
        return (
            Route(sdk=f"{api}.create", action=_CREATE, handler=self._create),
            Route(sdk=f"{api}.get", action=_VIEW, handler=self._get),
            Route(sdk=f"{api}.list", action=_VIEW, handler=self._list),
            Route(sdk=f"{api}.update_config", action=_MANAGE, handler=self._update),
            Route(sdk=f"{api}.patch", action=_MANAGE, handler=self._patch),
            Route(sdk=f"{api}.put_ai_gateway", action=_MANAGE, handler=self._put_gateway),
            Route(sdk=f"{api}.export_metrics", action=_VIEW, handler=self._metrics),
            Route(sdk=f"{api}.delete", action=_MANAGE, handler=self._delete),
            Route(sdk=f"{api}.logs", action=_VIEW, handler=self._logs),
        )

    def open(self, name: str) -> Open:
        """Return what a request finds at an endpoint. Raises Refused."""
        with self._world.lock:
            endpoint = self._known(name)
            if endpoint.config is None:
                raise invalid(f"The endpoint '{name}' is not ready.")
            return Open(
                split=endpoint.config.split,
                served=dict(endpoint.config.served),
                gateway=endpoint.gateway,
                owner=endpoint.by,
            )

    def _create(self, asked: Asked) -> Said:
        body = asked.body
        name = body["name"]
        if name in self._endpoints:
            told = f"Endpoint with name '{name}' already exists."
            raise Refused("RESOURCE_ALREADY_EXISTS", told, 409)
        endpoint = Endpoint(
            name=name,
            by=asked.caller,
            at=self._world.milliseconds(),
            tags=list(body.get("tags") or ()),
        )
        if gateway := body.get("ai_gateway"):
            endpoint.gateway = self._gateway.checked(name, gateway, now=None, caller=asked.caller)
        if body.get("config"):
            self._begin(endpoint, body["config"])
        self._endpoints[name] = endpoint
        return self._told(endpoint)

    def _get(self, asked: Asked) -> Said:
        name = asked["name"]
        if self._world.faults.take("stale-read", "serving:get", name):
            raise _no(name)
        return self._told(self._known(name))

    def _list(self, asked: Asked) -> Said:
        return {"endpoints": [self._summary(each) for each in self._endpoints.values()]}

    def _update(self, asked: Asked) -> Said:
        endpoint = self._known(asked["name"])
        if endpoint.update == IN_PROGRESS:
            told = f"Endpoint '{endpoint.name}' is currently updating; only one update at a time."
            raise Refused("RESOURCE_CONFLICT", told, 409)
        self._begin(endpoint, asked.body)
        return self._told(endpoint)

    def _patch(self, asked: Asked) -> Said:
        endpoint, body = self._known(asked["name"]), asked.body
        gone = {
            *(body.get("delete_tags") or ()),
            *(each["key"] for each in body.get("add_tags") or ()),
        }
        kept = [each for each in endpoint.tags if each["key"] not in gone]
        endpoint.tags = [*kept, *(body.get("add_tags") or ())]
        return {"tags": endpoint.tags}

    def _put_gateway(self, asked: Asked) -> Said:
        endpoint = self._known(asked["name"])
        endpoint.gateway = self._gateway.checked(
            endpoint.name, asked.body or {}, now=endpoint.gateway, caller=asked.caller
        )
        return endpoint.gateway

    def _metrics(self, asked: Asked) -> Response:
        """Tell gauges as Prometheus reads them."""
        endpoint = self._known(asked["name"])
        served = endpoint.config.served.values() if endpoint.config else ()
        name = "provisioned_concurrent_requests_total"
        labels = f'endpoint_name="{endpoint.name}",served_model_name='
        lines = [
            f"# HELP {name} Number of provisioned concurrency during the last minute",
            f"# TYPE {name} gauge",
            *(f'{name}{{{labels}"{each.spec["name"]}"}} {each.provisioned}' for each in served),
        ]
        return Response("\n".join([*lines, ""]), content_type="text/plain; version=0.0.4")

    def _delete(self, asked: Asked) -> Said:
        endpoint = self._known(asked["name"])
        del self._endpoints[endpoint.name]
        endpoint.gone.set()
        served = [*endpoint.config.served.values()] if endpoint.config else []
        threading.Thread(target=_end, args=(served,), daemon=True).start()
        return {}

    def _logs(self, asked: Asked) -> Said:
        endpoint = self._known(asked["name"])
        configs = (each for each in (endpoint.pending, endpoint.config) if each is not None)
        for config in configs:
            if (found := config.served.get(asked["served_model_name"])) is not None:
                return {"logs": "\n".join(found.log)}
        raise missing(f"Served model '{asked['served_model_name']}' does not exist.")

    def _begin(self, endpoint: Endpoint, body: Said) -> None:
        """Begin an update. Raises Refused, and nothing has changed then."""
        now = endpoint.config
        endpoint.versions += 1
        config = configured(
            self._world, self._models, endpoint.name, body, now=now, version=endpoint.versions
        )
        new = [each for name, each in config.served.items() if not _has(now, name, each)]
        self._made += [f"{endpoint.name}/{each.spec['name']}" for each in new]
        for each in new:
            self._gateway.served(endpoint.name, each.spec, each.id, endpoint.versions)
        endpoint.pending, endpoint.update = config, IN_PROGRESS
        work = threading.Thread(target=self._work, args=(endpoint, config, new), daemon=True)
        work.start()

    def _work(self, endpoint: Endpoint, config: Config, new: list[ServedEntity]) -> None:
        """Bring up what is new; then, and only then, the configuration is in force."""
        clock, stuck = (
            self._world.clock,
            self._world.faults.take("stuck-updating", "*", endpoint.name),
        )
        wait = STUCK if stuck else self._world.settings.updating
        clock.wait(endpoint.gone, until=clock.now() + wait)
        well = _brought_up(new, endpoint.gone)
        with self._world.lock:
            before = endpoint.config
            if well and not endpoint.gone.is_set():
                endpoint.config, endpoint.pending = config, None
                endpoint.update = NOT_UPDATING
            else:
                endpoint.update = UPDATE_FAILED
        if endpoint.config is config and before is not None:
            _end([each for name, each in before.served.items() if not _has(config, name, each)])
        elif endpoint.config is not config:
            _end(new)

    def _known(self, name: str) -> Endpoint:
        found = self._endpoints.get(name)
        if found is None:
            raise _no(name)
        return found

    def _kill(self, said: dict[str, Any]) -> int:
        """Kill the servers of an entity."""
        config = self._known(said["endpoint"]).config
        return config.served[said["entity"]].kill() if config is not None else 0

    def _told(self, endpoint: Endpoint) -> Said:
        told = {
            "name": endpoint.name,
            "id": endpoint.id,
            "creator": endpoint.by,
            "creation_timestamp": endpoint.at,
            "last_updated_timestamp": endpoint.at,
            "tags": endpoint.tags,
            "permission_level": "CAN_MANAGE",
            "state": {
                "ready": "READY" if endpoint.ready else "NOT_READY",
                "config_update": endpoint.update,
            },
        }
        shown = {
            "config": endpoint.config.told() if endpoint.config else None,
            "pending_config": endpoint.pending.told() if endpoint.pending else None,
            "ai_gateway": endpoint.gateway,
        }
        return {**told, **{name: value for name, value in shown.items() if value is not None}}

    def _summary(self, endpoint: Endpoint) -> Said:
        told = self._told(endpoint)
        names = ("entity_name", "entity_version", "name")
        served = [
            {name: each[name] for name in names}
            for each in told.get("config", {}).get("served_entities", ())
        ]
        wanted = ("name", "id", "creator", "creation_timestamp", "last_updated_timestamp", "tags")
        kept = {name: told[name] for name in (*wanted, "state")}
        return {**kept, "config": {"served_entities": served}}


def _has(config: Config | None, name: str, entity: ServedEntity) -> bool:
    return config is not None and config.served.get(name) is entity


def _brought_up(new: list[ServedEntity], gone: threading.Event) -> bool:
    """Bring up all at once; return whether all are well. Those that failed say why themselves."""
    failed = []

    def bring(each: ServedEntity) -> None:
        try:
            each.bring_up(gone)
        except NotReady as error:
            failed.append(error)

    threads = [threading.Thread(target=bring, args=(each,), daemon=True) for each in new]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return not failed


def _end(served: list[ServedEntity]) -> None:
    for each in served:
        each.take_down()


def _no(name: str) -> Refused:
    return missing(f"Endpoint with name '{name}' does not exist.")
