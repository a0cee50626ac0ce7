"""What a custom role of Azure allows, read from its definition."""

from __future__ import annotations

import json
from pathlib import Path


def allowed_actions(role: Path) -> tuple[str, ...]:
    """Return the patterns of the actions, and of those on data, that a definition in JSON allows.

    Raises ValueError for what is no such definition.
    """
    told = json.loads(role.read_text())
    if not isinstance(told, dict) or not {"Actions", "DataActions"} & set(told):
        raise ValueError(f"{role} has neither Actions nor DataActions: it defines no role of Azure")
    return (*told.get("Actions", []), *told.get("DataActions", []))
