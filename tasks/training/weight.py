"""How large a checkpoint is, read from the store where attempts keep theirs."""

from __future__ import annotations

from collections import defaultdict

from blocks.contracts import ObjectStore

GIGABYTE = 1e9  # as prices of traffic count it


def newest_gigabytes(store: ObjectStore, place: str) -> float:
    """Return the size in GB of the newest checkpoint below ``place``; 0 without one.

    Each is a folder, and their names are in the order of the steps (``blocks.workload``).
    """
    sizes: dict[str, int] = defaultdict(int)
    for found in store.walk(place):
        folder, _, file = found.uri.removeprefix(place).strip("/").partition("/")
        if file:
            sizes[folder] += found.size
    return sizes[max(sizes)] / GIGABYTE if sizes else 0.0
