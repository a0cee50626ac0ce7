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
    rows = listed() if features else list(_offers(as_json=as_json))
    show(rows, title="Features" if features else "Providers", as_json=as_json)
    return Exit.OK


def _offers(*, as_json: bool) -> Iterator[dict[str, Any]]:
    for name in registry.PROVIDERS:
        entry = registry.provider(name)
        offers = list(entry.capabilities)
        yield {
            "provider": name,
            "title": entry.title,
            "capabilities": offers if as_json else ", ".join(offers),
        }
