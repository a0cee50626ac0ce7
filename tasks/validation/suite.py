"""A Great Expectations suite as a file: read, and checked before anything runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import great_expectations as gx
from great_expectations.exceptions.exceptions import (
    ExpectationNotFoundError,
    GreatExpectationsError,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import get_expectation_impl
from pydantic import Field, ValidationError
from pydantic.v1 import ValidationError as PydanticV1Error

from blocks.contracts import Frozen
from tasks.specification.problems import (
    Problem,
    SpecificationRefused,
    from_validation_error,
    shown,
)

SEVERITIES = {"error": "error", "critical": "error", "warning": "warning", "info": "warning"}
ONE_COLUMN = ("column", "column_A", "column_B")
COLUMNS = "column_list"
MAY_BE_MISSING = ("expect_column_to_exist",)  # there a missing column is the answer, no problem
RANGES = (("min_value", "max_value"),)


class Expectation(Frozen):
    """One line of a suite file, as Great Expectations writes it."""

    type: str
    kwargs: dict[str, Any] = Field(default={})
    meta: dict[str, Any] = Field(default={})
    severity_named: str | None = Field(default=None, alias="severity")
    id: str | None = None
    notes: str | list[str] | None = None
    description: str | None = None
    rendered_content: Any = None

    @property
    def severity(self) -> str:
        """What a failure means: ``error`` (the default) stops the release, ``warning`` does not."""
        return SEVERITIES.get(str(self.severity_said), "error")

    @property
    def severity_said(self) -> Any:
        """What the file says of it: ``meta`` first, then Great Expectations' own field."""
        return self.meta.get("severity", self.severity_named or "error")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it looks at; none means the table as a whole."""
        one = [self.kwargs[key] for key in ONE_COLUMN if key in self.kwargs]
        return tuple(str(name) for name in [*one, *(self.kwargs.get(COLUMNS) or ())])


class SuiteRefused(SpecificationRefused):
    """The suite cannot be run as it is; nothing was checked."""


def read_suite(content: bytes, columns: Sequence[str]) -> tuple[str, list[Expectation]]:
    """Return name and expectations of a suite file. Raises SuiteRefused with every problem."""
    suite = _parsed(content)
    lines: list[Expectation] = []
    problems: list[Problem] = []
    for number, raw in enumerate(suite["expectations"]):
        where = f"suite.expectations.{number}"
        try:
            line = Expectation.model_validate(raw)
        except ValidationError as error:
            problems += [_below(where, each) for each in from_validation_error(error)]
        else:
            lines.append(line)
            problems += _problems(where, line, columns)
    if problems:
        raise SuiteRefused(problems)
    return str(suite["name"]), lines


def batch_column(content: bytes) -> str:
    """Return the column that names batches. Raises SuiteRefused if the suite was not derived."""
    found = _parsed(content).get("meta", {}).get("batch")
    if not isinstance(found, str):
        remedy = "derive the suite with `bluewater profile`, or write the column's name there"
        problem = Problem(
            field="suite.meta.batch", value=shown(found), problem="names no column", remedy=remedy
        )
        raise SuiteRefused([problem])
    return found


def to_gx_suite(name: str, lines: Sequence[Expectation]) -> gx.ExpectationSuite:
    """Return the suite as Great Expectations runs it."""
    return gx.ExpectationSuite(
        name=name,
        expectations=[
            {"type": line.type, "kwargs": line.kwargs, "meta": line.meta} for line in lines
        ],
    )


def _parsed(content: bytes) -> Mapping[str, Any]:
    try:
        suite = json.loads(content)
    except ValueError as error:
        raise _refused("suite", content[:40], f"is not JSON: {error}") from error
    if not isinstance(suite, dict) or not isinstance(suite.get("name"), str):
        raise _refused("suite.name", suite, "has no name")
    if not isinstance(suite.get("expectations"), list) or not suite["expectations"]:
        raise _refused("suite.expectations", suite.get("expectations"), "checks nothing")
    return suite


def _refused(field: str, value: Any, problem: str) -> SuiteRefused:
    remedy = 'write {"name": "...", "expectations": [{"type": ..., "kwargs": {...}}, ...]}'
    return SuiteRefused([Problem(field=field, value=shown(value), problem=problem, remedy=remedy)])


def _below(where: str, problem: Problem) -> Problem:
    return problem.model_copy(update={"field": f"{where}.{problem.field}"})


def _problems(where: str, line: Expectation, columns: Sequence[str]) -> Iterator[Problem]:
    if line.severity_said not in SEVERITIES:
        yield Problem(
            field=f"{where}.severity",
            value=shown(line.severity_said),
            problem="is no severity",
            remedy=f"use one of {', '.join(SEVERITIES)}",
        )
    try:
        get_expectation_impl(line.type)
    except ExpectationNotFoundError:
        yield Problem(
            field=f"{where}.type",
            value=shown(line.type),
            problem="Great Expectations knows no such expectation",
            remedy="correct its spelling",
        )
        return
    yield from _missing(where, line, columns)
    yield from _wrong(where, line)


def _missing(where: str, line: Expectation, columns: Sequence[str]) -> Iterator[Problem]:
    for name in line.columns:
        if name not in columns and line.type not in MAY_BE_MISSING:
            yield Problem(
                field=f"{where}.kwargs.column",
                value=shown(name),
                problem="the data has no such column",
                remedy=f"use one of {', '.join(columns)}, or bring the column back",
            )


def _wrong(where: str, line: Expectation) -> Iterator[Problem]:
    """Yield what Great Expectations finds wrong with the arguments, and what it overlooks."""
    for key, message in _objections(line).items():
        value = line.kwargs.get(key, line.kwargs)
        yield _unfit(where, key, value, message, f"correct the arguments of {line.type}")
    for low, high in RANGES:
        one, other = line.kwargs.get(low), line.kwargs.get(high)
        if isinstance(one, int | float) and isinstance(other, int | float) and one > other:
            yield _unfit(where, high, other, f"is below {low} {one:g}", "swap the two")
    for regex in (line.kwargs.get("regex"), *(line.kwargs.get("regex_list") or ())):
        try:
            re.compile(regex or "")
        except (re.error, TypeError) as error:
            yield _unfit(where, "regex", regex, f"is no pattern: {error}", "correct the pattern")


def _objections(line: Expectation) -> dict[str, str]:
    """Return what Great Expectations itself says, by argument; of several, the first."""
    try:
        ExpectationConfiguration(type=line.type, kwargs=line.kwargs).to_domain_obj()
    except PydanticV1Error as error:
        found: dict[str, str] = {}
        for each in error.errors():
            key = ".".join(str(part) for part in each["loc"]).replace("__root__", "")
            found.setdefault(key, each["msg"])
        return found
    except (ValueError, TypeError, GreatExpectationsError) as error:
        return {"": str(error)}
    return {}


def _unfit(where: str, key: str, value: Any, problem: str, remedy: str) -> Problem:
    return Problem(
        field=f"{where}.kwargs.{key}".rstrip("."),
        value=shown(value),
        problem=" ".join(problem.split()),
        remedy=remedy,
    )
