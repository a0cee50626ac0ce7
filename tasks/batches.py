"""Batches in the order in which they came, as far as their names tell it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"(\d+)")


def in_order(names: Iterable[str]) -> list[str]:
    """Return names sorted as people count: week 9 comes before week 10."""
    return sorted(names, key=_counted)


def _counted(name: str) -> tuple[list[str | int], str]:
    """Return the parts of a name, each number as such; texts and numbers take turns."""
    parts = _NUMBER.split(name)
    return [int(part) if part.isdecimal() else part for part in parts], name
