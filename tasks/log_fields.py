"""What log lines are about, as fields that a collector can search: run, step, attempt, ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

Field = str | int

_now: ContextVar[Mapping[str, Field]] = ContextVar(
    "bluewater_log_fields", default=MappingProxyType({})
)


@contextmanager
def about(**fields: Field) -> Iterator[None]:
    """Let every line that is logged within this block carry these fields, besides those in force.

    Names in use: run, step, attempt; provider and job, or deployment, as the provider names them;
    endpoint, variant, model, version.
    """
    token = _now.set({**_now.get(), **fields})
    try:
        yield
    finally:
        _now.reset(token)


def fields() -> Mapping[str, Field]:
    """Return the fields in force."""
    return _now.get()
