"""Requests and answers held against the service's own published model.

The words of a refusal are those of the real service's front end ("1 validation error detected:
Value ... failed to satisfy constraint: ..."). An answer that breaks the model is our own fault.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
import regex
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

from blocks.providers.aws.emulator.refusals import AwsError


class BrokenAnswer(AssertionError):
    """The emulator was about to answer what the real service never would."""


@functools.cache
def service(name: str) -> ServiceModel:
    """Return the model of a service, as botocore ships it."""
    return botocore.session.get_session().get_service_model(name)


def operation(service_name: str, name: str) -> OperationModel | None:
    """Return the model of an operation, or None if the service has none of that name."""
    model = service(service_name)
    return model.operation_model(name) if name in model.operation_names else None


def check_request(model: OperationModel, request: Mapping[str, Any]) -> None:
    """Raise AwsError with every breach, as the service's front end words it."""
    if model.input_shape is None:
        return
    if broken := list(_breaches(model.input_shape, request, "")):
        errors = "error" if len(broken) == 1 else "errors"
        told = f"{len(broken)} validation {errors} detected: {'; '.join(broken)}"
        raise AwsError("ValidationException", told)


def check_answer(model: OperationModel, answer: Mapping[str, Any]) -> None:
    """Raise BrokenAnswer if an answer of ours breaks the model."""
    if model.output_shape is None:
        broken = [f"{name} is answered, but nothing is expected" for name in answer]
    else:
        broken = list(_breaches(model.output_shape, answer, ""))
    if broken:
        raise BrokenAnswer(f"{model.name}: {'; '.join(broken)}")


def known_members(model: OperationModel, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those values that the answer of an operation has a member for."""
    shape = model.output_shape
    return {name: value for name, value in values.items() if shape and name in shape.members}


def _breaches(shape: Shape, value: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    if kind == "structure":
        yield from _structure(shape, value, path)
    elif kind == "list":
        yield from _length(shape, value, path, len(_is(list, value, path)))
        for number, item in enumerate(value, start=1):
            yield from _breaches(shape.member, item, f"{path}.{number}.member")
    elif kind == "map":
        yield from _length(shape, value, path, len(_is(dict, value, path)))
        for name, item in value.items():
            yield from _breaches(shape.key, name, f"{path}.key")
            yield from _breaches(shape.value, item, f"{path}.{name}.value")
    elif kind == "string":
        yield from _text(shape, _is(str, value, path), path)
    elif kind in ("integer", "long", "float", "double"):
        yield from _number(shape, value, path)
    elif kind == "boolean":
        _is(bool, value, path)


def _structure(shape: StructureShape, value: Any, path: str) -> Iterator[str]:
    _is(dict, value, path)
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if value.get(name) is None:
            yield _breach(None, prefix + _lower(name), "Member must not be null")
    for name, item in value.items():
        if name not in shape.members:  # the service would pass over it; a rehearsal must not
            yield f"Unknown member '{prefix}{name}'"
        elif item is not None:
            yield from _breaches(shape.members[name], item, prefix + _lower(name))


def _text(shape: Shape, value: str, path: str) -> Iterator[str]:
    if shape.enum and value not in shape.enum:
        constraint = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        yield _breach(value, path, constraint)
    pattern = _compiled(shape.metadata.get("pattern", ""))
    if pattern is not None and not pattern.fullmatch(value):
        constraint = f"Member must satisfy regular expression pattern: {shape.metadata['pattern']}"
        yield _breach(value, path, constraint)
    yield from _length(shape, value, path, len(value))


def _length(shape: Shape, value: Any, path: str, length: int) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and length < least:
        yield _breach(value, path, f"Member must have length greater than or equal to {least}")
    if most is not None and length > most:
        yield _breach(value, path, f"Member must have length less than or equal to {most}")


def _number(shape: Shape, value: Any, path: str) -> Iterator[str]:
    whole = shape.type_name in ("integer", "long")
    _is(int if whole else (int, float), value, path)
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and value < least:
        yield _breach(value, path, f"Member must have value greater than or equal to {least}")
    if most is not None and value > most:
        yield _breach(value, path, f"Member must have value less than or equal to {most}")


def _is(kind: type | tuple[type, ...], value: Any, path: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise AwsError("SerializationException", f"{path}: {type(value).__name__} is unexpected")
    return value


def _breach(value: Any, path: str, constraint: str) -> str:
    text = "null" if value is None else value if isinstance(value, str) else _dumped(value)
    shown = "null" if value is None else f"'{text}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _dumped(value: Any) -> str:
    return json.dumps(value, default=str)


@functools.cache
def _compiled(pattern: str) -> regex.Pattern[str] | None:
    r"""Return a Java pattern as ours; None for the few that only Java can read."""
    if not pattern or "${" in pattern:
        return None
    try:
        return regex.compile(pattern)
    except regex.error:
        return None


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]
