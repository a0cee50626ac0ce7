"""The AI gateway before an endpoint: who asks too often is told so, and requests go to a table."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from blocks.providers.databricks.emulator.operations import Said
from blocks.providers.databricks.emulator.refusals import Refused, invalid, missing
from blocks.providers.databricks.emulator.tables import Tables
from blocks.providers.databricks.emulator.world import World

LATE = 1800.0  # of the cloud's seconds until a request is in its table: within the hour, it is said
LARGEST = 1 << 20  # bytes of a request, or of an answer, that a table keeps
ENTITIES, SYSTEM_OWNER = "system.serving.served_entities", "System user"
_MOST_LIMITS = 20
_NAMED = ("user_group", "service_principal")  # keys of limits that name whose they are
_TABLE = ("catalog_name", "schema_name", "table_name_prefix")
_PAYLOAD = {
    "request_date": "DATE",
    "databricks_request_id": "STRING",
    "client_request_id": "STRING",
    "request_time": "TIMESTAMP",
    "status_code": "INT",
    "sampling_fraction": "DOUBLE",
    "execution_duration_ms": "BIGINT",
    "request": "STRING",
    "response": "STRING",
    "logging_error_codes": "ARRAY",
    "served_entity_id": "STRING",
    "requester": "STRING",
}
_SERVED = {
    "served_entity_id": "STRING",
    "endpoint_name": "STRING",
    "served_entity_name": "STRING",
    "entity_name": "STRING",
    "entity_version": "STRING",
    "endpoint_config_version": "INT",
    "change_time": "TIMESTAMP",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One request with its answer."""

    entity: str  # id of the served entity
    caller: str
    at: float
    seconds: float
    status: int
    request: bytes
    response: bytes


class Gateway:
    """Knows the rules of gateways, counts requests by the minute, and keeps them."""

    def __init__(self, world: World, tables: Tables) -> None:
        self._world, self._tables = world, tables
        self._asked: Counter[tuple[str, str, int]] = Counter()  # endpoint, whose, minute
        tables.plan(ENTITIES, _SERVED, SYSTEM_OWNER)

    def checked(self, endpoint: str, body: Said, *, now: Said | None, caller: str) -> Said:
        """Return a gateway as it is put in place of another one. Raises Refused."""
        limits = body.get("rate_limits") or []
        if len(limits) > _MOST_LIMITS:
            raise invalid(f"An endpoint has at most {_MOST_LIMITS} rate limits.")
        for limit in limits:
            _check_limit(limit)
        if body.get("guardrails"):
            raise invalid("AI Guardrails are not supported for custom models.")
        self._check_table(endpoint, body, now or {}, caller)
        return body

    def admit(self, endpoint: str, gateway: Said | None, caller: str) -> None:
        """Count a request. Raises Refused where it is one too many in this minute."""
        minute = int(self._world.clock.now() // 60)
        with self._world.lock:
            for limit in (gateway or {}).get("rate_limits") or ():
                whose = _whose(limit, caller)
                if whose is None:
                    continue
                key = (endpoint, f"{limit.get('key')}:{whose}", minute)
                if self._asked[key] >= limit["calls"]:
                    told = f"Exceeded the rate limit of {limit['calls']} calls per minute"
                    said = f"REQUEST_LIMIT_EXCEEDED: {told} of the endpoint '{endpoint}'."
                    raise Refused("REQUEST_LIMIT_EXCEEDED", said, 429)
                self._asked[key] += 1

    def keep(self, endpoint: str, gateway: Said | None, owner: str, exchange: Exchange) -> None:
        """Have a request come into the table of its endpoint, if that has one."""
        config = (gateway or {}).get("inference_table_config") or {}
        if not config.get("enabled"):
            return
        name, moment = _table(endpoint, config), datetime.fromtimestamp(exchange.at, UTC)
        sizes = {"REQUEST": exchange.request, "RESPONSE": exchange.response}
        large = [f"MAX_{word}_SIZE_EXCEEDED" for word, b in sizes.items() if len(b) > LARGEST]
        row = (
            moment.date(),
            str(uuid.uuid4()),
            None,
            moment,
            exchange.status,
            1.0,
            round(exchange.seconds * 1000),
            _text(exchange.request),
            _text(exchange.response),
            large,
            exchange.entity,
            exchange.caller,
        )
        with self._world.lock:
            self._tables.plan(name, _PAYLOAD, owner)
            self._tables.add(name, row, at=exchange.at + LATE)

    def served(self, endpoint: str, spec: Said, entity: str, version: int) -> None:
        """Have an entity that begins to be served come into the system's table of them."""
        now = self._world.clock.now()
        names = (spec["name"], spec["entity_name"], spec["entity_version"])
        row = (entity, endpoint, *names, version, datetime.fromtimestamp(now, UTC))
        self._tables.add(ENTITIES, row, at=now)

    def _check_table(self, endpoint: str, body: Said, now: Said, caller: str) -> None:
        config = body.get("inference_table_config") or {}
        before = now.get("inference_table_config") or {}
        if not config.get("enabled"):
            return
        if not (config.get("catalog_name") and config.get("schema_name")):
            raise invalid("catalog_name and schema_name are required to enable inference tables.")
        if before.get("enabled"):
            if any(config.get(each) != before.get(each) for each in _TABLE):
                raise invalid("Disable the inference table first to change where it is.")
            return
        place = self._world.volumes / config["catalog_name"] / config["schema_name"]
        if not place.is_dir():
            told = f"{config['catalog_name']}.{config['schema_name']}"
            raise missing(f"Schema '{told}' does not exist.")
        self._world.permit(caller, "CREATE TABLE")
        if self._tables.exists(name := _table(endpoint, config)):
            told = "specifying an existing table is not supported"
            raise invalid(f"Inference table '{name}' already exists; {told}.")


def _check_limit(limit: Said) -> None:
    if limit.get("tokens") is not None:
        raise invalid("Limits of tokens are not supported for custom models.")
    if not isinstance(limit.get("calls"), int) or limit["calls"] < 0:
        raise invalid("calls must be given for a rate limit.")
    if limit.get("key") in _NAMED and not limit.get("principal"):
        raise invalid(f"principal must be given for a rate limit of a {limit['key']}.")


def _whose(limit: Said, caller: str) -> str | None:
    """Return whose requests a limit counts together with a caller's; None if not that caller's."""
    key, principal = limit.get("key", "endpoint"), limit.get("principal")
    if key == "endpoint":
        return ""
    if key == "user_group" or (principal and principal != caller):
        return None  # nobody is in a group here
    return caller


def _table(endpoint: str, config: Said) -> str:
    prefix = config.get("table_name_prefix") or endpoint
    return f"{config['catalog_name']}.{config['schema_name']}.{prefix}_payload"


def _text(content: bytes) -> Any:
    return content.decode(errors="replace") if len(content) <= LARGEST else None
