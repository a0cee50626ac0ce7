"""A specification file becomes a specification."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from pydantic import ValidationError

from tasks.specification.checks import Surroundings, check
from tasks.specification.files import parsed, read_mapping, refused
from tasks.specification.problems import SpecificationRefused, from_validation_error
from tasks.specification.spec import PLACES, ReleaseSpec


def load(file: Path, *, changes: Sequence[str] = ()) -> ReleaseSpec:
    """Read a YAML file; paths in it are relative to it. Raises SpecificationRefused.

    ``changes`` are applied first, each ``path.to.field=value`` with a YAML value.
    """
    content = read_mapping(file)
    for change in changes:
        _change(content, change)
    for section, key in PLACES:
        _resolve(content.get(section), key, file.absolute().parent)
    try:
        return ReleaseSpec.model_validate(content)
    except ValidationError as error:
        problems = from_validation_error(error)
        raise SpecificationRefused(problems, rest=_rest(content, error)) from error


def load_and_check(file: Path, around: Surroundings, *, changes: Sequence[str] = ()) -> ReleaseSpec:
    """Read a file that the platform can carry out.

    Raises SpecificationRefused with what is wrong by itself and with what the platform lacks
    together, as far as the second can be asked without the fields of the first.
    """
    try:
        spec, problems = load(file, changes=changes), []
    except SpecificationRefused as error:
        if error.rest is None:
            raise
        spec, problems = error.rest, list(error.problems)
    wrong = [problem.field for problem in problems]
    problems += [each for each in check(spec, around) if not each.field.startswith(tuple(wrong))]
    if problems:
        raise SpecificationRefused(problems)
    return spec


def _change(content: dict[str, Any], change: str) -> None:
    """Set one field to a YAML value, as ``--set rollout.bake=PT1M`` asks."""
    path, sign, value = change.partition("=")
    *sections, key = path.split(".")
    place: Any = content
    for section in sections:
        place = place.setdefault(section, {}) if isinstance(place, dict) else None
    if not sign or not isinstance(place, dict):
        raise refused(change, "is not a change", "write it as path.to.field=value")
    try:
        place[key] = parsed(value)
    except yaml.YAMLError as error:
        where = str(error).replace("\n", " ")
        raise refused(change, f"its value is not YAML: {where}", "quote the value") from error


def _resolve(section: Any, key: str, folder: Path) -> None:
    """Turn a relative path into a file URI; leave URIs alone."""
    value = section.get(key) if isinstance(section, dict) else None
    if isinstance(value, str) and not urlsplit(value).scheme:
        section[key] = (folder / value).resolve().as_uri()


def _rest(content: dict[str, Any], error: ValidationError) -> ReleaseSpec | None:
    """Return the specification with defaults for the fields that are wrong, if they have some."""
    rest = deepcopy(content)
    for each in error.errors(include_url=False, include_input=False):
        *sections, key = each["loc"] or (None,)
        place: Any = rest
        for section in sections:
            place = place.get(section) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(key, None)
    try:
        return ReleaseSpec.model_validate(rest)
    except ValidationError:
        return None
