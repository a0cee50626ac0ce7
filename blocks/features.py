"""What each capability of each provider has: a table that is made from the classes.

Asking the classes imports every cloud's SDK, for many seconds; so the table lies beside this file.
``python -m blocks.features`` makes it anew, and a test compares both.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from blocks import registry

TABLE = Path(__file__).with_suffix(".json")
Row = dict[str, str]


def listed() -> list[Row]:
    """Return the table as it is kept: provider, capability, feature, value."""
    rows: list[Row] = json.loads(TABLE.read_text())
    return rows


def declared() -> Iterator[Row]:
    """Yield the rows as the classes declare them. Raises MissingExtra without a cloud's SDK."""
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
    if isinstance(value, frozenset):
        return ", ".join(sorted(map(str, value))) or "none"
    return f"{value.total_seconds() / 3600:g} h" if isinstance(value, timedelta) else str(value)


if __name__ == "__main__":
    lines = ",\n".join(json.dumps(row) for row in declared())
    TABLE.write_text(f"[\n{lines}\n]\n")
