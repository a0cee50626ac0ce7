"""The least that Databricks has to grant: to whoever runs flows, and to what serves models.

Held against the calls of an emulated workspace, both ways. Privileges of Unity Catalog are named as
SQL names them; what else a workspace grants is named by the thing and the level of its permission.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

ENTITLEMENT = "allow-cluster-create"  # of a principal, or of a group that it is in

# Whoever makes a run or an endpoint owns it: these need no grant where flows have one principal.
OWNED = (
    "cluster CAN_ATTACH_TO",
    "endpoint CAN_MANAGE",
    "endpoint CAN_QUERY",
    "endpoint CAN_VIEW",
    "endpoint CREATE",
    "job CAN_VIEW",
    "run CAN_MANAGE_RUN",
    "run CAN_VIEW",
)
MODELS = ("CREATE MODEL", "CREATE MODEL VERSION", "EXECUTE", "MANAGE MODEL")
FILES = ("READ VOLUME", "WRITE VOLUME")
SECRETS = ("scope READ",)

CALLER = (*MODELS, *FILES, *SECRETS, *OWNED, ENTITLEMENT)
"""What blocks call. Runs are those of whoever submits them, with the same volumes mounted."""

TABLES = ("CREATE TABLE", "SELECT system", "warehouse CAN_USE")
"""What captures in an inference table take besides: of whoever puts it there, and reads it."""

POOLS = ("pool CAN_ATTACH_TO",)
"""What runs on machines of a pool take besides."""

JOBS = ("job CAN_MANAGE", "job CAN_MANAGE_RUN")
"""What runs of jobs that have a name take besides. Whoever made a job owns it."""

WATCHING = ("CREATE TABLE", "USE SCHEMA", "table BROWSE", "table MANAGE", "warehouse CAN_USE")
"""What schedules of Databricks' own model monitor take besides. Whoever made a table owns it."""

OPTIONS = {"tables": TABLES, "pools": POOLS, "jobs": JOBS, "watching": WATCHING}

SERVED = ("WRITE VOLUME",)
"""What served models call: they bring captured requests and counts to the volume."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in Unity Catalog everything is kept, and to whom it is granted."""

    principal: str
    catalog: str = "main"
    schema: str = "bluewater"
    volume: str = "files"


def caller_grants(place: Place, options: Iterable[str] = ()) -> dict[str, Any]:
    """Return what whoever runs flows is granted; ``options`` are names of ``OPTIONS``."""
    more = [grant for option in options for grant in OPTIONS[option]]
    return _document(place, {*CALLER, *more})


def served_grants(place: Place) -> dict[str, Any]:
    """Return what the service principal is granted by which served models write."""
    return _document(place, SERVED)


def _document(place: Place, grants: Iterable[str]) -> dict[str, Any]:
    return {
        "principal": place.principal,
        "grants": sorted(grants),
        "sql": _statements(place, set(grants)),
    }


def _statements(place: Place, grants: set[str]) -> list[str]:
    """Return the grants of Unity Catalog as statements for a SQL warehouse."""
    schema = f"`{place.catalog}`.`{place.schema}`"
    to = f"TO `{place.principal}`"
    told = [
        f"GRANT USE CATALOG ON CATALOG `{place.catalog}` {to}",
        f"GRANT USE SCHEMA ON SCHEMA {schema} {to}",
    ]
    if files := sorted(grants & set(FILES)):
        told.append(f"GRANT {', '.join(files)} ON VOLUME {schema}.`{place.volume}` {to}")
    if "CREATE TABLE" in grants:
        told.append(f"GRANT CREATE TABLE ON SCHEMA {schema} {to}")
    if "SELECT system" in grants:
        told += [
            f"GRANT USE CATALOG ON CATALOG `system` {to}",
            f"GRANT USE SCHEMA, SELECT ON SCHEMA `system`.`serving` {to}",
        ]
    if grants & set(MODELS):
        named = "CREATE MODEL, CREATE MODEL VERSION, EXECUTE, MANAGE"
        told.append(f"GRANT {named} ON SCHEMA {schema} {to}")
    return told
