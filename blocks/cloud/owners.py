"""Whose a thing is, by its name: owners of one account never meet each other's."""

from __future__ import annotations

import hashlib


def mark_of(owner: str) -> str:
    """Return eight letters that no other owner has."""
    return hashlib.sha256(owner.encode()).hexdigest()[:8]


def named(owner: str, token: str) -> str:
    """Return the name of what an owner makes under a token."""
    return f"bluewater-{mark_of(owner)}-{token}"
