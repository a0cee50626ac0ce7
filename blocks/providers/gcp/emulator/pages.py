"""Answers of lists, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

T = TypeVar("T")

_SIZE = 100


def page(found: Sequence[T], asked: Any) -> tuple[list[T], str]:
    """Return the page of a list that a request asks for, and the token of the next one."""
    start, size = int(asked.page_token or 0), asked.page_size or _SIZE
    more = str(start + size) if len(found) > start + size else ""
    return list(found[start : start + size]), more
