"""A suite that people have read and changed takes in what they accept, and keeps their changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.checks.derive import suite
from tasks.checks.profile import Profile

Line = Mapping[str, Any]


def renewed(file: Mapping[str, Any], before: Profile, after: Profile) -> dict[str, Any]:
    """Return the suite of a file with the limits of the new profile.

    Severities stay as they stand in the file, lines that were taken out stay out, and lines that
    were added by hand stay. A derived line whose relation holds no more goes.
    """
    offered = {_name(line) for line in suite(before)["expectations"]}
    derived = suite(after)
    now = {_name(line): line for line in derived["expectations"]}
    lines: list[Line] = []
    for line in file["expectations"]:
        name = _name(line)
        if name in now:
            lines.append(_with_severity(now.pop(name), line))
        elif name not in offered:
            lines.append(line)
    lines += [line for name, line in now.items() if name not in offered]
    return {**file, "expectations": lines, "meta": {**file.get("meta", {}), **derived["meta"]}}


def _name(line: Line) -> tuple[str, str, str]:
    column = str(line.get("kwargs", {}).get("column", ""))
    return str(line.get("type")), column, str(line.get("meta", {}).get("check", "by hand"))


def _with_severity(line: Line, like: Line) -> Line:
    meta = like.get("meta", {})
    if "severity" not in meta:
        return line
    return {**line, "meta": {**line["meta"], "severity": meta["severity"]}}
