"""The inventories of all providers that compute something for a platform."""

from __future__ import annotations

from blocks import registry
from blocks.contracts import CONTRACTS, Contract, Inventory
from blocks.platform import Platform

COMPUTING = ("training", "endpoints", "batch", "processing")


def inventories(platform: Platform) -> tuple[dict[str, Inventory], list[str]]:
    """Return them by their references, the platform's own first, and which cannot be connected."""
    found, unseen = {platform.inventory: platform.connect(Inventory)}, list[str]()
    for ref in _further(platform):
        try:
            found[ref] = registry.connect(ref, Inventory)
        except ValueError as error:  # no block is saved under that name
            unseen.append(f"{ref}: {error}")
    return found, unseen


def _further(platform: Platform) -> list[str]:
    known, found = registry.split(platform.inventory, Inventory)[0], []
    for capability in COMPUTING:
        ref: str | None = getattr(platform, capability)
        if ref is None:
            continue
        provider, document = registry.split(ref, _contract(capability))
        offered = registry.provider(provider).capabilities
        if provider != known and Inventory.capability in offered:
            found.append(f"{provider}-inventory{f'/{document}' if document else ''}")
    return sorted(set(found))


def _contract(capability: str) -> type[Contract]:
    return next(each for each in CONTRACTS if each.capability == capability)
