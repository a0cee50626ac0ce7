"""Requests and answers of Azure Monitor held against the SDK's own models of it.

These models are of an older kind than those of the workspace: a map says which field lies where,
of which kind it is, and which are required. Unknown fields are refused here, too.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from azure.mgmt.monitor import models

from blocks.providers.azure.emulator.refusals import AzureError
from blocks.providers.azure.emulator.schema import is_duration

_PLAIN: Mapping[str, type | tuple[type, ...]] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "object": object,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    kind: str
    required: bool
    reads_only: bool


_Tree = dict[str, Any]  # of fields, and of trees of them


def check_request(model: str, body: Any) -> None:
    """Raise what the service says to a body that its model does not allow."""
    if problems := list(_of_model(model, body, "", told=False)):
        raise AzureError("BadRequest", f"The request is invalid: {'; '.join(problems)}")


def check_answer(model: str, body: Any) -> None:
    """Raise ValueError for an answer that the SDK's model does not know: the emulator is wrong."""
    if problems := list(_of_model(model, body, "", told=True)):
        raise ValueError(f"no {model}: {'; '.join(problems)}")


def _of_model(model: str, value: Any, path: str, *, told: bool) -> Iterator[str]:
    yield from _of_tree(_tree(model), value, path, told=told)


def _tree(model: str) -> _Tree:
    kind: Any = getattr(models, model)
    tree: _Tree = {}
    for name, told in kind._attribute_map.items():
        rules = kind._validation.get(name, {})
        *places, last = told["key"].split(".")
        here = tree
        for place in places:
            here = here.setdefault(place, {})
        here[last] = _Field(
            kind=told["type"],
            required=bool(rules.get("required")),
            reads_only=bool(rules.get("readonly")),
        )
    return tree


def _of_tree(tree: _Tree, value: Any, path: str, *, told: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: an object is expected"
        return
    for name, field in tree.items():
        if isinstance(field, dict):
            yield from _of_tree(field, value.get(name, {}), f"{path}/{name}", told=told)
        elif value.get(name) is not None:
            if not field.reads_only or told:
                yield from _of_kind(field.kind, value[name], f"{path}/{name}", told=told)
        elif field.required:
            yield f"{path}/{name}: required"
    for name in value:
        if name not in tree:
            yield f"{path}/{name}: not a field"


def _of_kind(kind: str, value: Any, path: str, *, told: bool) -> Iterator[str]:
    if kind[0] in "[{":
        wanted, inner = (list if kind[0] == "[" else dict), kind[1:-1]
        if not isinstance(value, wanted):
            yield f"{path}: {wanted.__name__} is expected"
            return
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, each in items:
            yield from _of_kind(inner, each, f"{path}/{name}", told=told)
    elif kind == "duration":
        if not is_duration(value):
            yield f"{path}: {value!r} is not an ISO 8601 duration"
    elif kind == "iso-8601":
        if not _is_moment(value):
            yield f"{path}: {value!r} is not a moment"
    elif kind in _PLAIN:
        if not isinstance(value, _PLAIN[kind]) or (isinstance(value, bool) and kind == "float"):
            yield f"{path}: {value!r} is not of kind {kind}"
    else:
        yield from _of_model(kind, value, path, told=told)


def _is_moment(value: Any) -> bool:
    try:
        datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True
