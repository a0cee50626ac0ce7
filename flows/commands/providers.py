"""``bluewater providers``: which provider offers what, generated from what they declare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from blocks import registry
from blocks.features import listed
from flows.exits import Exit
from flows.terminal import exits, show


@exits()
def run(*, features: bool, as_json: bool) -> Exit:
    """Show which provider offers what, as the providers declare it and the suite verifies it."""
    rows = listed() if features else list(_capabilities())
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
