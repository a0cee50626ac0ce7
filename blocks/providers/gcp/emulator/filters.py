"""The filters by which lists are narrowed: comparisons joined by AND, as AIP-160 has them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from blocks.providers.gcp.emulator.refusals import invalid

_TERM = re.compile(
    r"\s*(?P<path>(?:[\w-]+|\"[^\"]*\")(?:\.(?:[\w-]+|\"[^\"]*\"))*)"
    r"\s*(?P<sign>>=|<=|!=|=~|=|>|<|:)\s*"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"|[^\s()]+)\s*"
)
_ANYWHERE = re.compile(r"\s*(\"(?:[^\"\\]|\\.)*\")\s*(?:AND\b|$)")  # a bare text: in any field
_AND = re.compile(r"AND\b|\n")
_PART = re.compile(r"[\w-]+|\"[^\"]*\"")

_ORDERED, _TIMES = frozenset({">", "<", ">=", "<="}), ("timestamp", "time", "Time")

Test = Callable[[Mapping[str, Any]], bool]


def matcher(text: str) -> Test:
    """Return what tells whether a message, as a dict, meets a filter.

    Raises GcpError for a filter that cannot be read here.
    """
    terms, rest = list[Test](), text.strip()
    while rest:
        if anywhere := _ANYWHERE.match(rest):
            terms.append(_anywhere(_plain(anywhere[1])))
            rest = rest[anywhere.end() :]
            continue
        found = _TERM.match(rest)
        if found is None:
            raise invalid(f"Unparseable filter: {text!r}")
        terms.append(_term(found["path"], found["sign"], _plain(found["value"])))
        rest = rest[found.end() :]
        if rest and (joint := _AND.match(rest)):
            rest = rest[joint.end() :]
        elif rest and "\n" not in found[0]:
            raise invalid(f"Unparseable filter: {text!r}; only AND is emulated")
    return lambda message: all(test(message) for test in terms)


def _term(path: str, sign: str, wanted: str) -> Test:
    parts = [_plain(part) for part in _PART.findall(path)]
    if sign in _ORDERED and not parts[-1].endswith(_TIMES):
        raise invalid(f"Unparseable filter: {path}{sign}; only times are ordered here")

    def test(message: Mapping[str, Any]) -> bool:
        found = _value(message, parts)
        if sign == ":":
            return (found is not None and wanted in ("*", found)) or _holds(found, wanted)
        told = "" if found is None else str(found)
        return _COMPARED[sign](told, wanted)

    return test


_COMPARED: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda told, wanted: told == wanted,
    "!=": lambda told, wanted: told != wanted,
    ">=": lambda told, wanted: told >= wanted,
    "<=": lambda told, wanted: told <= wanted,
    ">": lambda told, wanted: told > wanted,
    "<": lambda told, wanted: told < wanted,
    "=~": lambda told, wanted: re.search(wanted, told) is not None,
}


def _anywhere(wanted: str) -> Test:
    def inside(value: Any) -> bool:
        if isinstance(value, Mapping):
            return any(inside(each) for each in value.values())
        return _holds(value, wanted)

    return inside


def _holds(found: Any, wanted: str) -> bool:
    return isinstance(found, str) and wanted in found


def _value(message: Mapping[str, Any], parts: list[str]) -> Any:
    found: Any = message
    for part in parts:
        if not isinstance(found, Mapping):
            return None
        alike = (name for name in found if _bare(name) == _bare(part))
        found = found[part] if part in found else found.get(next(alike, ""))
    return found


def _bare(name: str) -> str:
    """Return a field's name as both of its spellings, create_time and createTime, have it."""
    return name.replace("_", "").lower()


def _plain(value: str) -> str:
    if not value.startswith('"'):
        return value
    return re.sub(r"\\(.)", r"\1", value[1:-1])
