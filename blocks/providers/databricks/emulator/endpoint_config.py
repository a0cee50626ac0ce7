"""A configuration of an endpoint: checked as a whole, and told as a whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.providers.databricks.emulator.operations import Said
from blocks.providers.databricks.emulator.refusals import invalid
from blocks.providers.databricks.emulator.served_entity import UNITS, ServedEntity
from blocks.providers.databricks.emulator.unity_models import READY, UnityModels
from blocks.providers.databricks.emulator.world import World

_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,62}", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_CONCURRENCY = ("min_provisioned_concurrency", "max_provisioned_concurrency")
_SIZES = ("Small", "Medium", "Large")
_MOST = 15  # entities of an endpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What is served, and whose the traffic is."""

    version: int
    served: Mapping[str, ServedEntity]
    split: Mapping[str, int]

    def told(self) -> Said:
        """Return it as the wire tells it."""
        return {
            "config_version": self.version,
            "served_entities": [_entity(each) for each in self.served.values()],
            "traffic_config": {
                "routes": [
                    {
                        "served_model_name": name,
                        "served_entity_name": name,
                        "traffic_percentage": share,
                    }
                    for name, share in self.split.items()
                ]
            },
        }


def configured(
    world: World,
    models: UnityModels,
    endpoint: str,
    body: Said,
    *,
    now: Config | None,
    version: int,
) -> Config:
    """Return what was put; an entity that is served as it should be goes on. Raises Refused."""
    if not _NAME.fullmatch(endpoint):
        raise invalid(f"Endpoint name '{endpoint}' is invalid.")
    specs = [_spec(each) for each in body.get("served_entities") or ()]
    if not 0 < len(specs) <= _MOST:
        raise invalid(f"An endpoint has 1 to {_MOST} served_entities.")
    names = [each["name"] for each in specs]
    if len(set(names)) < len(names):
        raise invalid("The names of served entities must be unique within an endpoint.")
    routes = (body.get("traffic_config") or {}).get("routes") or ()
    split = _split(routes, names)
    served = {}
    for spec in specs:
        before = now.served.get(spec["name"]) if now is not None else None
        same = before is not None and before.spec == spec
        served[spec["name"]] = before if same and before else _made(world, models, endpoint, spec)
    return Config(version=version, served=served, split=split)


def _spec(entity: Said) -> Said:
    """Return an entity as it was put, with its name."""
    named = f"{entity.get('entity_name', '').split('.')[-1]}-{entity.get('entity_version', '')}"
    spec = {**entity, "name": entity.get("name") or named}
    if not _NAME.fullmatch(spec["name"]):
        raise invalid(f"Served entity name '{spec['name']}' is invalid.")
    if not (spec.get("entity_name") and spec.get("entity_version")):
        raise invalid("entity_name and entity_version must be given: nothing else is emulated.")
    for name in spec.get("environment_vars") or {}:
        if not _VARIABLE.fullmatch(name):
            raise invalid(f"'{name}' cannot be the name of an environment variable.")
    _require_size(spec)
    return spec


def _require_size(spec: Said) -> None:
    size, units = spec.get("workload_size"), [spec[each] for each in _CONCURRENCY if each in spec]
    if (size is None) != (len(units) == len(_CONCURRENCY)) or (size and units):
        raise invalid(f"Give either workload_size or {' and '.join(_CONCURRENCY)}.")
    if size is not None and size not in _SIZES:
        raise invalid(f"workload_size must be one of {', '.join(_SIZES)}.")
    if any(each % UNITS or each < UNITS for each in units) or units != sorted(units):
        raise invalid(f"Provisioned concurrency must be multiples of {UNITS}, the lower one first.")


def _split(routes: Any, names: list[str]) -> Mapping[str, int]:
    if not routes:
        if len(names) > 1:
            raise invalid("traffic_config must be given for more than one served entity.")
        return {names[0]: 100}
    split: dict[str, int] = {}
    for each in routes:
        name = each.get("served_entity_name") or each.get("served_model_name")
        if name not in names:
            raise invalid(f"Traffic route refers to an unknown served entity '{name}'.")
        if name in split:
            raise invalid(f"The served entity '{name}' has more than one route.")
        split[name] = each["traffic_percentage"]
    if sum(split.values()) != 100 or any(share < 0 for share in split.values()):
        raise invalid("The sum of the traffic percentages of all routes must be 100.")
    return split


def _made(world: World, models: UnityModels, endpoint: str, spec: Said) -> ServedEntity:
    model = models.model(spec["entity_name"])
    version = models.version(model.full_name, spec["entity_version"])
    if version.status != READY:
        raise invalid(f"Model version {version.number} of '{model.full_name}' is not ready.")
    try:
        env = world.resolved(spec.get("environment_vars") or {})
    except LookupError as error:
        raise invalid(str(error)) from error
    return ServedEntity(world, endpoint, spec, env, models.files(model, version))


def _entity(served: ServedEntity) -> Said:
    state = {"deployment": served.state, "deployment_state_message": served.message}
    return {**served.spec, "creation_timestamp": served.at, "state": state}
