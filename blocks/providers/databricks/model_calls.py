"""Model versions in Unity Catalog's words. Pure: nothing is called here."""

from __future__ import annotations

import re

from blocks.contracts import InvalidRequest, ModelDraft
from blocks.providers.databricks.account import DatabricksWorkspace

SERVED = "bluewater-served-"  # begins the name of a model that is made to be served
# Unity Catalog takes more, and keeps all names in small letters.
_NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,99}")
_WORDS = 2000  # characters of a description that we use


def require_name(name: str) -> None:
    """Raise InvalidRequest for a name that no model can have here."""
    if not is_name(name):
        raise InvalidRequest(
            f"{name!r} cannot be a model's name in Unity Catalog; use up to 100 lower-case "
            "letters, digits, dashes and underscores",
            code="NAME",
        )


def is_name(name: str) -> bool:
    """Whether a model can have that name here."""
    return _NAME.fullmatch(name) is not None


def full_name(workspace: DatabricksWorkspace, name: str) -> str:
    """Return the name by which everybody in the workspace finds a model."""
    return f"{workspace.catalog}.{workspace.schema_name}.{name}"


def page_of(workspace: DatabricksWorkspace, name: str, number: str) -> str:
    """Return the page about a version that a person can open."""
    place = f"{workspace.catalog}/{workspace.schema_name}/{name}"
    return f"{workspace.host.rstrip('/')}/explore/data/models/{place}/version/{number}"


def described(draft: ModelDraft) -> str:
    """Return what people see beside a version in the catalog."""
    told = [f"digest {draft.digest}"]
    told += [f"{name} {value:.6g}" for name, value in draft.metrics.items()]
    told += [f"{name}: {text}" for name, text in draft.lineage.items() if text]
    return "\n".join(told)[:_WORDS]
