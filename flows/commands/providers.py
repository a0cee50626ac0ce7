"""``bluewater providers``: which provider offers what, generated from what they declare."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from blocks import registry
from flows.exits import Exit
from flows.terminal import exits, show


@exits()
def run(*, features: bool, as_json: bool) -> Exit:
    """Show which provider offers what, as the providers declare it and the suite verifies it."""
    rows = _features() if features else _capabilities()
    show(rows, title="Features" if features else "Providers", as_json=as_json)
    return Exit.OK


def _capabilities() -> Iterator[dict[str, Any]]:
    entries = [registry.provider(name) for name in registry.PROVIDERS]
    for capability in dict.fromkeys(name for entry in entries for name in entry.capabilities):
        yield {
            "capability": capability,
            **{
                entry.name: "yes" if capability in entry.capabilities else "no" for entry in entries
            },
        }


def _features() -> Iterator[dict[str, Any]]:
    for name in registry.PROVIDERS:
        entry = registry.provider(name)
        for capability, path in entry.capabilities.items():
            features = getattr(registry.load(path, extra=entry.extra), "features", None)
            for field in dataclasses.fields(features) if features else ():
                yield {
                    "provider": name,
                    "capability": capability,
                    "feature": field.name,
                    "value": _word(getattr(features, field.name)),
                }


def _word(value: Any) -> str:
    if value is None:
        return "no limit"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value.total_seconds() / 3600:g} h" if isinstance(value, timedelta) else str(value)
