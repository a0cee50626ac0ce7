"""``python -m docs.specification``: every field of a release's specification, as a page.

Made from the schema that Prefect makes its form from, so that it says what is checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tasks.specification.spec import ReleaseSpec

PAGE = Path(__file__).parent / "SPECIFICATION.md"
HEAD = """\
# The specification of a release

One YAML file, or Prefect's form; `python -m docs.specification` writes this page from what is
checked. Paths are relative to the file, or URIs. A duration is `PT30M`, `P7D` or `00:30:00`. What
has no default has to be given. `bluewater plan release.yaml` checks a file and starts nothing;
[the flights example](../examples/flights/release.yaml) is a whole one.
"""
KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "yes or no"}
LIMITS = (
    ("minimum", "from {:g}"),
    ("exclusiveMinimum", "above {:g}"),
    ("maximum", "to {:g}"),
    ("exclusiveMaximum", "below {:g}"),
)

Schema = Mapping[str, Any]


def page() -> str:
    """Return the page."""
    return _Page(ReleaseSpec.model_json_schema()).text()


class _Page:
    """The sections of one schema: one for each kind of value that has fields of its own."""

    def __init__(self, schema: Schema) -> None:
        self._whole, self._kinds = schema, schema["$defs"]
        self._places: dict[str, str] = {}  # of kinds: where each stands first
        self._walk(schema, "")

    def text(self) -> str:
        found = [_section("Fields", self._whole, self._rows(self._whole))]
        for name, place in self._places.items():
            kind = self._kinds[name]
            found.append(_section(f"`{place}`", kind, self._rows(kind)))
        return "\n".join([HEAD, *found])

    def _walk(self, section: Schema, place: str) -> None:
        for name, field in section["properties"].items():
            kind = _kind_of(field)
            if "properties" in self._kinds.get(kind, {}) and kind not in self._places:
                self._places[kind] = f"{place}.{name}".removeprefix(".")
                self._walk(self._kinds[kind], self._places[kind])

    def _rows(self, section: Schema) -> list[tuple[str, str, str, str]]:
        required = section.get("required", ())
        return [
            (
                f"`{name}`",
                self._words(field),
                "" if name in required else self._default(field),
                _one_line(field.get("description") or self._about(field)),
            )
            for name, field in section["properties"].items()
        ]

    def _about(self, field: Schema) -> str:
        return str(self._kinds.get(_kind_of(field), {}).get("description", ""))

    def _default(self, field: Schema) -> str:
        default = field.get("default")
        if default in (None, {}, []):
            return "none"
        if _kind_of(field) in self._places:
            return "those there"
        return f"`{json.dumps(default)}`"

    def _words(self, field: Schema) -> str:
        """Return what kind of value a field takes, in words."""
        options = [each for each in field.get("anyOf", (field,)) if each.get("type") != "null"]
        return " or ".join(self._option(each) for each in options)

    def _option(self, field: Schema) -> str:
        if "$ref" in field:
            kind = _kind_of(field)
            place = self._places.get(kind, "")
            link = f"[fields](#{place.replace('.', '')})"
            return link if place else _one_of(self._kinds[kind])
        if field.get("type") == "array":
            return f"list of: {self._words(field['items'])}" if "items" in field else "list"
        if field.get("type") == "object":
            return f"by name: {self._words(field['additionalProperties'])}"
        return _one_of(field) if "enum" in field else _simple(field)


def _section(title: str, section: Schema, rows: list[tuple[str, str, str, str]]) -> str:
    lines = [f"## {title}", "", _one_line(section.get("description", "")), ""]
    lines += ["| field | what it is | default | what it says |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(each.replace('|', '/') for each in row)} |" for row in rows]
    return "\n".join([*lines, ""])


def _kind_of(field: Schema) -> str:
    """Return the name of the kind of a field, of its items or of its values; empty for none."""
    places = (field, *field.get("anyOf", ()), field.get("items"), field.get("additionalProperties"))
    named = (each["$ref"] for each in places if isinstance(each, Mapping) and "$ref" in each)
    return str(next(named, "")).rpartition("/")[2]


def _simple(field: Schema) -> str:
    if field.get("format") == "duration":
        return "duration"
    limits = [words.format(field[name]) for name, words in LIMITS if name in field]
    return " ".join([KINDS[field["type"]], *limits])


def _one_of(kind: Schema) -> str:
    return ", ".join(f"`{each}`" for each in kind["enum"])


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    PAGE.write_text(page())
