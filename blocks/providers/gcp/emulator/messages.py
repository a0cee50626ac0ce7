"""Requests held against Google's own message classes: required fields, enumerations, names.

The classes that are shipped have lost ``google.api.field_behavior``; their docstrings kept it, in
that the words on a field begin with "Required.".
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import proto

from blocks.providers.gcp.emulator.refusals import invalid

_FIELD = re.compile(r"^\s+(\w+) \(.*?\):\n\s+(?:Immutable\. )?Required\b", re.MULTILINE)
_NAMES = ("name", "parent", "endpoint")
# Required, and 0 is as good a value as any: "view" is a choice, whose first one is 0.
_ZERO = frozenset({"min_value", "max_value", "view"})
_NAME = re.compile(r"projects/[^/]+(/locations/[^/]+)?(/[a-zA-Z]+/[^/]+)*(@[\w-]+)?")


def check(request: Any) -> None:
    """Raise GcpError with what is missing or malformed in a request."""
    if not isinstance(request, proto.Message):
        return
    if broken := list(_breaches(request, "")):
        raise invalid(" ".join(broken))
    for field in _NAMES:
        value = getattr(request, field, None)
        if isinstance(value, str) and value and not _NAME.fullmatch(value):
            raise invalid(f"Invalid resource field value in the request: {field}={value!r}.")


def require_name(request: Any, parse: Callable[[str], Mapping[str, str]] | None) -> None:
    """Raise GcpError for the name of another kind of thing; ``parse`` reads names of the right."""
    if parse is not None and not parse(request.name):
        raise invalid(f"Invalid resource field value in the request: name={request.name!r}.")


def canonical(request: Any, rename: Callable[[str], str]) -> None:
    """Let names in a request's own fields be as answers have them: with the project's number."""
    for field in _NAMES:
        value = getattr(request, field, None)
        if isinstance(value, str):
            setattr(request, field, rename(value))


def masked(target: proto.Message, source: proto.Message, paths: list[str]) -> None:
    """Copy the fields that an update's mask names. Raises GcpError for what is no field."""
    if not paths:
        raise invalid("The update_mask is required.")
    copied(target, source, paths, mask="update_mask")


def copied(target: Any, source: Any, paths: Sequence[str], *, mask: str) -> None:
    """Copy fields by their paths, as in ``job_spec.scheduling``. Raises GcpError."""
    for path in paths:
        *outer, last = path.split(".")
        to, from_ = target, source
        for name in outer:
            _require_field(to, name, path, mask)
            to, from_ = getattr(to, name), getattr(from_, name)
        _require_field(to, last, path, mask)
        setattr(to, last, getattr(from_, last))


def _require_field(message: Any, name: str, path: str, mask: str) -> None:
    if not isinstance(message, proto.Message) or name not in type(message).meta.fields:
        raise invalid(f"Invalid {mask}: {path!r} is no field.")


def _breaches(message: proto.Message, path: str) -> Iterator[str]:
    kind = type(message)
    for name in _required(kind.__doc__ or ""):
        if name in kind.meta.fields and name not in _ZERO and not _has(message, name):
            yield f"The field {path}{name} is required but missing."
    for name, field in kind.meta.fields.items():
        if field.enum is not None:
            yield from _unknown_numbers(message, name, path)
        elif field.message is not None and name in message:
            yield from _inside(getattr(message, name), f"{path}{name}")


def _inside(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, proto.Message):
        yield from _breaches(value, f"{path}.")
    elif hasattr(value, "__iter__") and not hasattr(value, "keys"):
        for number, each in enumerate(value):
            if isinstance(each, proto.Message):
                yield from _breaches(each, f"{path}[{number}].")


def _has(message: proto.Message, name: str) -> bool:
    field = type(message).meta.fields[name]
    if field.repeated or not (field.message or field.optional):
        return bool(getattr(message, name))
    return name in message


def _unknown_numbers(message: proto.Message, name: str, path: str) -> Iterator[str]:
    field = type(message).meta.fields[name]
    value = getattr(message, name)
    kind = field.enum
    known = set(
        kind.values() if hasattr(kind, "values") else map(int, kind)
    )  # protobuf's, or proto's
    for each in value if field.repeated else (value,):
        if int(each) not in known:
            yield f"Invalid value at '{path}{name}': {int(each)}"


@functools.cache
def _required(words: str) -> tuple[str, ...]:
    """Return the fields that a message must have, by the words of its docstring."""
    return tuple(sorted({found[1] for found in _FIELD.finditer(words)}))
