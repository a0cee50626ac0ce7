"""One defect that is made in a copy of the code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One defect: in ``file``, ``before`` (there once) becomes ``after``."""

    name: str
    file: str  # below blocks/
    before: str
    after: str
    killers: tuple[str, ...]  # <module>::<test> below tests/conformance/test_*.py
