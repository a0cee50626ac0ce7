"""Environments as Vertex AI takes them: values in which $(NAME) would mean another variable."""

from __future__ import annotations

import re
from collections.abc import Mapping

from blocks.contracts import InvalidRequest

_DOLLARS = re.compile(r"(\$+)(?=\()")


def to_env(values: Mapping[str, str]) -> list[dict[str, str]]:
    """Return variables so that their values arrive as they are; empty ones are left out."""
    return [
        {"name": name, "value": _DOLLARS.sub(r"\1\1", value)}
        for name, value in values.items()
        if value
    ]


def require_values(env: Mapping[str, str]) -> None:
    """Raise InvalidRequest for a variable without a value: Vertex AI takes none."""
    if empty := sorted(name for name, value in env.items() if not value):
        raise InvalidRequest(
            f"env: {', '.join(empty)} has no value, which Vertex AI does not take; leave it out",
            code="ENV",
        )
