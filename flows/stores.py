"""The stores of a platform whose clouds are several."""

from __future__ import annotations

from blocks import registry
from blocks.contracts import Endpoints, ObjectStore
from blocks.platform import Platform


def store_of_endpoints(platform: Platform) -> ObjectStore:
    """Return the store that the platform's endpoints read: its own, or that of their provider."""
    store, endpoints = platform.connect(ObjectStore), platform.connect(Endpoints)
    if endpoints.features.scheme == store.features.scheme:
        return store
    name, document = registry.split(platform.endpoints, Endpoints)
    entry = registry.provider(name)
    beside = name if ObjectStore.capability in entry.capabilities else entry.beside
    return registry.connect(f"{beside}-store{f'/{document}' if document else ''}", ObjectStore)
