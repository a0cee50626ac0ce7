"""Lists told a page at a time, as every List operation does."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from blocks.providers.aws.emulator.refusals import AwsError

T = TypeVar("T")

_USUAL = 10
_OF_PAGES = ("NextToken", "MaxResults")


def page(found: Sequence[T], asked: Mapping[str, Any]) -> tuple[Sequence[T], str | None]:
    """Return the page that MaxResults and NextToken ask for, and the token of the next.

    A token is good for the question that it came from. Raises AwsError for any other.
    """
    question = json.dumps(
        {name: value for name, value in asked.items() if name not in _OF_PAGES}, sort_keys=True
    )
    mark = hashlib.sha256(question.encode()).hexdigest()[:16]
    start = _place(asked["NextToken"], mark) if asked.get("NextToken") else 0
    end = start + asked.get("MaxResults", _USUAL)
    return found[start:end], _token(end, mark) if end < len(found) else None


def _token(place: int, mark: str) -> str:
    return base64.urlsafe_b64encode(f"{place}.{mark}".encode()).decode()


def _place(token: str, mark: str) -> int:
    try:
        place, _, of = base64.urlsafe_b64decode(token).decode().partition(".")
    except ValueError:
        place, of = "", ""
    if of != mark or not place.isdecimal():
        raise AwsError("ValidationException", "Invalid NextToken")
    return int(place)
