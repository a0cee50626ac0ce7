"""The names that pandas has for types, in the words of a data base.

A suite that was written for a frame then means the same over files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXT, _WHOLE, _REAL = "VARCHAR", "BIGINT", "DOUBLE PRECISION"
_MOMENT, _MOMENT_UTC = "TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP WITH TIME ZONE"
NAMES = {
    "object": _TEXT,
    "str": _TEXT,
    "string": _TEXT,
    "int": _WHOLE,
    "int8": "SMALLINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": _WHOLE,
    "float": _REAL,
    "float32": "REAL",
    "float64": _REAL,
    "double": _REAL,
    "double_precision": _REAL,
    "bool": "BOOLEAN",
    "datetime64[ns]": _MOMENT,
    "datetime64[us]": _MOMENT,
    "datetime64[ms]": _MOMENT,
    "datetime64[ns, utc]": _MOMENT_UTC,
    "datetime64[us, utc]": _MOMENT_UTC,
    "timestamp": _MOMENT,
}


def translated(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return an expectation's arguments with the names of types as a data base has them."""
    return named(kwargs, NAMES)


def named(kwargs: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Return an expectation's arguments with other names of types, by those that pandas has."""
    words = dict(kwargs)
    if isinstance(one := words.get("type_"), str):
        words["type_"] = names.get(one.lower(), one)
    if isinstance(listed := words.get("type_list"), list):
        words["type_list"] = [names.get(str(each).lower(), each) for each in listed]
    return words
