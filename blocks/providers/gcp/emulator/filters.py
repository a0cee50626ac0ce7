"""The filters by which lists are narrowed: NOT binds closest, then OR, then AND.

https://google.aip.dev/160 has them so; Cloud Logging takes a new line for AND, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatchcase
from typing import Any

from blocks.providers.gcp.emulator.refusals import invalid

_TERM = re.compile(
    r"(?P<path>(?:[\w-]+|\"[^\"]*\")(?:\.(?:[\w-]+|\"[^\"]*\"))*)"
    r"\s*(?P<sign>>=|<=|!=|=~|=|>|<|:)\s*"
    r"(?P<value>\"(?:[^\"\\]|\\.)*\"|[^\s()]+)"
)
_ANYWHERE = re.compile(r"(\"(?:[^\"\\]|\\.)*\")(?!\s*(?:[.:<>=!]))")  # a bare text: in any field
_NOT = re.compile(r"NOT\b\s*|-(?=[\w\"(])")
_PART = re.compile(r"[\w-]+|\"[^\"]*\"")

_ORDERED, _TIMES = frozenset({">", "<", ">=", "<="}), ("timestamp", "time", "Time")

Test = Callable[[Mapping[str, Any]], bool]


def matcher(text: str, fields: Collection[str] = ()) -> Test:
    """Return what tells whether a message, as a dict, meets a filter.

    Raises GcpError for a filter that cannot be read, or that names none of ``fields``, if these
    are all that a list can be narrowed by.
    """
    if not text.strip():
        return lambda _: True
    reader = _Reader(text.strip(), frozenset(map(_bare, fields)))
    test = reader.all_of()
    if reader.rest:
        raise reader.broken()
    return test


class _Reader:
    """Reads a filter from left to right; ``rest`` is what it has not read."""

    def __init__(self, text: str, fields: frozenset[str]) -> None:
        self._text, self.rest, self._fields = text, text, fields

    def all_of(self) -> Test:
        """Read terms joined by AND or by the ends of lines."""
        tests = [self._any_of()]
        while self._joined():
            tests.append(self._any_of())
        return lambda message: all(test(message) for test in tests)

    def broken(self) -> Exception:
        """Return the refusal of a filter that makes no sense."""
        return invalid(f"Unparseable filter: {self._text!r}")

    def _any_of(self) -> Test:
        tests = [self._not()]
        while self._took(re.compile(r"\s*OR\b\s*")):
            tests.append(self._not())
        return lambda message: any(test(message) for test in tests)

    def _not(self) -> Test:
        if not self._took(_NOT):
            return self._one()
        test = self._one()
        return lambda message: not test(message)

    def _one(self) -> Test:
        if self._took(re.compile(r"\(\s*")):
            inner = self.all_of()
            if not self._took(re.compile(r"\s*\)")):
                raise self.broken()
            return inner
        if found := self._took(_ANYWHERE):
            return _anywhere(_plain(found[1]))
        if found := self._took(_TERM):
            if self._fields and _bare(found["path"].partition(".")[0]) not in self._fields:
                raise invalid(f"Unsupported field in filter: {found['path']!r}")
            return _term(found["path"], found["sign"], _plain(found["value"]))
        raise self.broken()

    def _joined(self) -> bool:
        return bool(self._took(re.compile(r"\s*AND\b\s*|[ \t]*\n\s*(?!OR\b)(?=\S)")))

    def _took(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        if found := pattern.match(self.rest):
            self.rest = self.rest[found.end() :]
        return found


def _term(path: str, sign: str, wanted: str) -> Test:
    parts = [_plain(part) for part in _PART.findall(path)]
    if sign in _ORDERED and not parts[-1].endswith(_TIMES):
        raise invalid(f"Unparseable filter: {path}{sign}; only times are ordered here")

    def test(message: Mapping[str, Any]) -> bool:
        found = _value(message, parts)
        if sign == ":":
            return _has(found, wanted)
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


def _has(found: Any, wanted: str) -> bool:
    """Whether a map has a key, or a text a part; a star stands for anything."""
    if isinstance(found, Mapping):
        return wanted == "*" or wanted in found
    if isinstance(found, str) and "*" in wanted:
        return fnmatchcase(found, wanted)
    return found is not None and _holds(found, wanted)


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
