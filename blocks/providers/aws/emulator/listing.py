"""What a List operation of SageMaker is asked for: by name, state and time, and in which order."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from blocks.providers.aws.emulator.pages import page
from blocks.providers.aws.emulator.refusals import AwsError

Answer = dict[str, Any]

_PAGES = ("NextToken", "MaxResults", "SortBy", "SortOrder")
_TIMES: Mapping[str, Callable[[float, float], bool]] = {"After": operator.gt, "Before": operator.lt}


def listed(
    rows: Sequence[Answer],
    asked: Answer,
    kind: str,
    *,
    also: Collection[str] = (),
    usually: str = "CreationTime",
) -> tuple[list[Answer], str | None]:
    """Return the page that is asked for, the newest first unless told, and the next one's token.

    ``kind`` is the word before Name and Status in a row; ``also`` are filters that the caller has
    applied already. Raises AwsError for one that is not emulated.
    """
    words = {"Name": f"{kind}Name", "Status": f"{kind}Status"}
    found = list(rows)
    for name, value in asked.items():
        if name not in _PAGES and name not in also:
            fits = _filter(name, value, words)
            found = [each for each in found if fits(each)]
    by = str(asked.get("SortBy", usually))
    key = words.get(by, by)
    found.sort(
        key=lambda row: row[key], reverse=asked.get("SortOrder", "Descending") != "Ascending"
    )
    some, token = page(found, asked)
    return list(some), token


def _filter(name: str, value: Any, words: Mapping[str, str]) -> Callable[[Answer], bool]:
    if name == "NameContains":
        return lambda row: value in row[words["Name"]]
    if name == "StatusEquals":
        return lambda row: row[words["Status"]] == value
    for side, compare in _TIMES.items():
        if name.endswith(f"Time{side}"):
            moment = name.removesuffix(side)
            return lambda row: compare(row[moment], value)
    raise AwsError("UnknownOperationException", f"not emulated: {name}", 501)
