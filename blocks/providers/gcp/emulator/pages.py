"""Answers of lists: in the order that is asked for, page by page, with a mask's fields alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import proto

from blocks.providers.gcp.emulator.messages import copied
from blocks.providers.gcp.emulator.refusals import invalid

T = TypeVar("T")

_SIZE = 100
_ORDERED = frozenset({"display_name", "create_time", "update_time"})


def page(found: Sequence[T], asked: Any) -> tuple[list[T], str]:
    """Return the page of a list that a request asks for, and the token of the next one.

    Raises GcpError for a token that no page had, and for an order or a mask that cannot be.
    """
    some, token = part(_in_order(found, str(getattr(asked, "order_by", ""))), asked)
    mask = getattr(asked, "read_mask", None)
    paths = list(mask.paths) if mask else []
    return [_with(each, paths) for each in some], token


def part(found: Sequence[T], asked: Any, *, size: int = _SIZE) -> tuple[list[T], str]:
    """Return the page of a list in its own order, and the token of the next one."""
    if asked.page_size < 0:
        raise invalid("page_size must not be negative.")
    if asked.page_token and not asked.page_token.isdecimal():
        raise invalid(f"Invalid page_token: {asked.page_token!r}")
    start, most = int(asked.page_token or 0), asked.page_size or size
    more = str(start + most) if len(found) > start + most else ""
    return list(found[start : start + most]), more


def _in_order(found: Sequence[T], order: str) -> Sequence[T]:
    ordered = list(found)
    for word in reversed([each.split() for each in order.split(",") if each.strip()]):
        name, way = word[0], word[1:]
        if name not in _ORDERED or way not in ([], ["asc"], ["desc"]):
            raise invalid(f"Invalid order_by: {order!r}")
        ordered.sort(key=lambda each: getattr(each, name), reverse=way == ["desc"])
    return ordered


def _with(each: T, paths: Sequence[str]) -> T:
    """Return a message with the fields of a mask; without one, as it is."""
    if not paths or not isinstance(each, proto.Message):
        return each
    kept: T = type(each)()
    copied(kept, each, paths, mask="read_mask")
    return kept
