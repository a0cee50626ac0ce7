"""Requests and answers held against the SDK itself: its signatures, its dataclasses, its enums.

Each method of the SDK says which verb and path it calls, which fields of query and body it knows,
which it must have, and what it reads from the answer. The SDK passes over what it does not know; a
rehearsal must not.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib
import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from types import NoneType
from typing import Any

from blocks.providers.databricks.emulator.refusals import invalid

_SERVICES = "databricks.sdk.service"
_DO = re.compile(r'self\._api\.do\(\s*"(\w+)",\s*f?"([^"]+)"')
_PLACE = re.compile(r"\{(?:(\w+)\()?(\w+)\)?\}")
_BODY = re.compile(r'body\["(\w+)"\] = (?:\[[^\]]* in )?(\w+)')
_QUERY = re.compile(r'query\["(\w+)"\] = (?:\[[^\]]* in )?(\w+)')
_WHOLE = re.compile(r"body = (\w+)\.as_dict\(\)")
_ANSWER = re.compile(r"(?:response=|return )(\w+)\.from_dict\(")
_LIST = re.compile(r'for v in json\["(\w+)"\]:\s+yield (\w+)\.from_dict\(v\)')
_NUMBERS = (int, float)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method of the SDK, as what it says over the wire."""

    name: str  # <service>:<method>
    verb: str
    pattern: re.Pattern[str]
    body: Mapping[str, Any]  # field -> kind
    query: Mapping[str, Any]
    required: frozenset[str]
    whole: Any  # the dataclass that is the whole body, where one is
    answer: Any  # the dataclass that is read from the answer, where one is
    listed: tuple[str, Any] | None  # field of a list in the answer, and the dataclass of an item


@functools.cache
def method(path: str) -> Method:
    """Return what ``<service>:<Class>.<method>`` of the SDK says."""
    service, _, qualified = path.partition(":")
    module = importlib.import_module(f"{_SERVICES}.{service}")
    cls, _, name = qualified.partition(".")
    function = getattr(getattr(module, cls), name)
    source, names = inspect.getsource(function), vars(module)
    hints = typing.get_type_hints(function, names)
    said = _DO.search(source)
    if said is None:
        raise LookupError(f"{path} calls nothing")
    whole, answer, listed = _WHOLE.search(source), _ANSWER.search(source), _LIST.search(source)
    body = dict(_BODY.findall(source))
    return Method(
        name=f"{service}:{name}",
        verb=said[1],
        pattern=_pattern(said[2]),
        body={wire: hints[word] for wire, word in body.items() if word in hints},
        query={wire: hints[word] for wire, word in _QUERY.findall(source) if word in hints},
        required=frozenset(wire for wire, word in body.items() if _is_required(function, word)),
        whole=hints.get(whole[1]) if whole else None,
        answer=names.get(answer[1]) if answer else None,
        listed=(listed[1], names[listed[2]]) if listed else None,
    )


def check_request(
    asked: Method, words: Mapping[str, str], query: Mapping[str, str], body: Any
) -> None:
    """Raise what the service says to a request that the SDK would not send."""
    problems = [
        f"{name}: not a parameter of {asked.name}" for name in query if name not in asked.query
    ]
    if asked.whole is not None:
        problems += _problems(asked.whole, body, "body")
    elif body is not None:
        problems += _of_fields(asked, words, body)
    if problems:
        raise invalid("; ".join(problems[:5]))


def check_answer(asked: Method, body: Any) -> None:
    """Raise ValueError for an answer that the SDK does not know: the emulator is wrong."""
    problems: list[str] = []
    if asked.answer is not None:
        problems += _problems(asked.answer, body, "answer")
    elif asked.listed is not None:
        field, kind = asked.listed
        for number, each in enumerate(body.get(field, [])):
            problems += _problems(kind, each, f"{field}[{number}]")
    if problems:
        raise ValueError(f"{asked.name}: {'; '.join(problems)}")


def _pattern(path: str) -> re.Pattern[str]:
    def word(found: re.Match[str]) -> str:
        inside = ".+" if found[1] == "_escape_multi_segment_path_parameter" else "[^/]+"
        slash = "/" if inside == ".+" else ""
        return f"(?P<{found[2]}>{slash}{inside})"

    return re.compile(_PLACE.sub(word, path))


def _is_required(function: Any, word: str) -> bool:
    parameter = inspect.signature(function).parameters.get(word)
    return parameter is not None and parameter.default is inspect.Parameter.empty


def _of_fields(asked: Method, words: Mapping[str, str], body: Any) -> Iterator[str]:
    if not isinstance(body, dict):
        yield "the body is not an object"
        return
    for name in body:
        if name not in asked.body and name not in words:
            yield f"{name}: not a field of {asked.name}"
    for name in sorted(asked.required):
        if body.get(name) is None and name not in words:
            yield f"{name}: required"
    for name, value in body.items():
        if name in asked.body:
            yield from _problems(asked.body[name], value, name)


def _problems(kind: Any, value: Any, path: str) -> Iterator[str]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if value is None or kind in (Any, object):
        return
    if origin is typing.Union:
        inner = [each for each in arguments if each is not NoneType]
        yield from _problems(inner[0], value, path)
    elif origin in (list, dict):
        yield from _of_many(origin, arguments, value, path)
    elif inspect.isclass(kind) and issubclass(kind, enum.Enum):
        if value not in [each.value for each in kind]:
            yield f"{path}: {value!r} is not one of {kind.__name__}"
    elif dataclasses.is_dataclass(kind):
        yield from _of_dataclass(kind, value, path)
    elif kind in (str, int, bool, float) and not _fits(kind, value):
        yield f"{path}: {str(value)[:40]!r} is not of kind {kind.__name__}"


def _of_many(origin: Any, arguments: tuple[Any, ...], value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, origin):
        yield f"{path}: {origin.__name__} is expected"
        return
    items = value.items() if origin is dict else enumerate(value)
    for name, each in items:
        yield from _problems(arguments[-1], each, f"{path}.{name}")


def _of_dataclass(kind: Any, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: {kind.__name__} is expected"
        return
    hints = _hints(kind)
    for field in dataclasses.fields(kind):
        given = field.default is not dataclasses.MISSING
        given |= field.default_factory is not dataclasses.MISSING
        if not given and value.get(field.name) is None:
            yield f"{path}.{field.name}: required by {kind.__name__}"
    for name, each in value.items():
        if name not in hints:
            yield f"{path}.{name}: not a field of {kind.__name__}"
        else:
            yield from _problems(hints[name], each, f"{path}.{name}")


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    names = vars(importlib.import_module(kind.__module__))
    return typing.get_type_hints(kind, names, {})  # fields are called as modules are


def _fits(kind: type, value: Any) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, _NUMBERS if kind is float else kind)
