"""Imports every provider that can be played whole, for processes that are forked from this one."""

from __future__ import annotations

from blocks import registry
from tests.crashes.world import PLATFORMS

for _name in PLATFORMS:
    _entry = registry.provider(_name)
    for _path in _entry.capabilities.values():
        registry.load(_path, extra=_entry.extra)
