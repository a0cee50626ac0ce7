"""Lists told a page at a time, as every List operation does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from blocks.providers.aws.emulator.refusals import AwsError

T = TypeVar("T")

_USUAL = 10


def page(found: Sequence[T], asked: dict[str, Any]) -> tuple[Sequence[T], str | None]:
    """Return the page that MaxResults and NextToken ask for, and the token of the next."""
    token = asked.get("NextToken", "0")
    if not token.isdecimal():
        raise AwsError("ValidationException", "Invalid NextToken")
    start, length = int(token), asked.get("MaxResults", _USUAL)
    end = start + length
    return found[start:end], str(end) if end < len(found) else None
