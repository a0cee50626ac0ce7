"""Requests and answers held against the SDK's own models of the service.

The models that azure-ai-ml sends and reads say which fields there are, which are required, of
which kind and with which values. Unknown fields are refused, too: the service may pass over them,
a rehearsal must not.
"""

from __future__ import annotations

import datetime
import enum
import functools
import inspect
import re
import sys
import typing
from collections.abc import Iterator
from types import NoneType
from typing import Any

from azure.ai.ml._restclient.arm_ml_service import models
from azure.ai.ml._restclient.arm_ml_service._utils.model_base import Model

from blocks.providers.azure.emulator.refusals import AzureError

_NAMES = {"_models": models, **vars(sys.modules[f"{models.__name__}._models"]), "typing": typing}
_DURATION = re.compile(r"P(?=.)(\d+D)?(T(\d+H)?(\d+M)?([\d.]+S)?)?")
_WAIVED = (
    "/properties/properties/hash_version",  # the SDK sends a number, not a text
    "/properties/system_metadata",  # and to a registry what no model of it names
)
_KINDS: dict[Any, type | tuple[type, ...]] = {str: str, int: int, float: (int, float), bool: bool}


class Field(typing.NamedTuple):
    """One field of a model."""

    kind: Any
    reads_only: bool
    tells_the_kind: bool

    @property
    def optional(self) -> bool:
        """Whether it may be missing."""
        return self.kind is Any or NoneType in typing.get_args(self.kind)


def check_request(model: str, body: Any) -> None:
    """Raise what the service says to a body that its model does not allow."""
    if problems := _found(model, body, told=False):
        raise AzureError("ValidationError", f"The request is invalid: {'; '.join(problems)}")


def check_answer(model: str, body: Any) -> None:
    """Raise ValueError for an answer that the SDK's model does not know: the emulator is wrong."""
    if problems := _found(model, body, told=True):
        raise ValueError(f"no {model}: {'; '.join(problems)}")


def is_duration(value: Any) -> bool:
    """Whether a text is a duration as ISO 8601 writes it."""
    return isinstance(value, str) and _DURATION.fullmatch(value) is not None


def _found(model: str, body: Any, *, told: bool) -> list[str]:
    every = _problems(getattr(models, model), body, "", told=told)
    return [each for each in every if each.partition(":")[0] not in _WAIVED]


@functools.cache
def _fields(kind: Any) -> dict[str, Field]:
    found: dict[str, Field] = {}
    for base in reversed(kind.__mro__):
        for name, annotation in vars(base).get("__annotations__", {}).items():
            rest = vars(base).get(name)
            if rest is not None and hasattr(rest, "_visibility"):
                found[rest._rest_name_input or name] = Field(
                    _resolved(annotation),
                    rest._visibility == ["read"],
                    bool(getattr(rest, "_is_discriminator", False)),
                )
    return found


def _resolved(annotation: Any) -> Any:
    """Return the type that a name in the SDK's source means."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    return eval(annotation, dict(_NAMES)) if isinstance(annotation, str) else annotation  # noqa: S307


def _problems(kind: Any, value: Any, path: str, *, told: bool) -> Iterator[str]:
    kind = _resolved(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Union:
        yield from _of_union(arguments, value, path, told=told)
    elif value is None or kind is Any:
        return
    elif origin in (list, dict):
        yield from _of_many(origin, arguments, value, path, told=told)
    elif origin is typing.Literal:
        yield from _of_values([getattr(arguments[0], "value", arguments[0])], value, path)
    elif inspect.isclass(kind) and issubclass(kind, Model):
        yield from _of_model(kind, value, path, told=told)
    else:
        yield from _of_plain(kind, value, path)


def _of_union(arguments: tuple[Any, ...], value: Any, path: str, *, told: bool) -> Iterator[str]:
    choices = [_resolved(each) for each in arguments if each is not NoneType]
    if value is None:
        return
    known = next((each for each in choices if _is_enum(each)), None)
    if known is not None:
        yield from _of_values([each.value for each in known], value, path)
    else:
        yield from _problems(choices[0], value, path, told=told)


def _of_many(
    origin: Any, arguments: tuple[Any, ...], value: Any, path: str, *, told: bool
) -> Iterator[str]:
    if not isinstance(value, origin):
        yield f"{path}: {origin.__name__} is expected"
        return
    items = value.items() if origin is dict else enumerate(value)
    for name, each in items:
        yield from _problems(arguments[-1], each, f"{path}/{name}", told=told)


def _of_model(kind: Any, value: Any, path: str, *, told: bool) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {kind.__name__} is expected"
        return
    fields = _fields(kind)
    teller = next((name for name, field in fields.items() if field.tells_the_kind), "")
    kinds = getattr(kind, "__mapping__", {}) or {}
    if kinds and value.get(teller) is not None and kind not in kinds.values():
        by_name = {str(getattr(name, "value", name)).lower(): each for name, each in kinds.items()}
        known = by_name.get(str(value[teller]).lower())
        if known is None:
            yield f"{path}/{teller}: {value[teller]!r} is not one of {sorted(by_name)}"
            return
        kind, fields = known, _fields(known)
    for name, field in fields.items():
        asked = told or not field.reads_only
        if asked and not field.optional and value.get(name) is None:
            yield f"{path}/{name}: required by {kind.__name__}"
    for name, each in value.items():
        if name in fields:
            yield from _problems(fields[name].kind, each, f"{path}/{name}", told=told)
        else:
            yield f"{path}/{name}: not a field of {kind.__name__}"


def _of_values(known: list[Any], value: Any, path: str) -> Iterator[str]:
    if str(value).lower() not in [str(each).lower() for each in known]:
        yield f"{path}: {value!r} is not one of {known}"


def _of_plain(kind: Any, value: Any, path: str) -> Iterator[str]:
    if kind is datetime.timedelta:
        if not is_duration(value):
            yield f"{path}: {value!r} is not an ISO 8601 duration"
    elif kind in _KINDS:
        number_as_flag = isinstance(value, bool) and kind is not bool
        if not isinstance(value, _KINDS[kind]) or number_as_flag:
            yield f"{path}: {value!r} is not of kind {kind.__name__}"


def _is_enum(kind: Any) -> bool:
    return inspect.isclass(kind) and issubclass(kind, enum.Enum)
