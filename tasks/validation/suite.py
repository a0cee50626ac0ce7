"""A Great Expectations suite as a file: read, and checked before anything runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import great_expectations as gx
import great_expectations.expectations as known
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from pydantic import Field

from blocks.contracts import Frozen

SEVERITIES = ("error", "warning")


class Expectation(Frozen):
    """One line of a suite file."""

    type: str
    kwargs: dict[str, Any] = Field(default={})
    meta: dict[str, Any] = Field(default={})

    @property
    def severity(self) -> str:
        """What a failure means: ``error`` (the default) stops the release."""
        return str(self.meta.get("severity", "error"))


class SuiteRefused(Exception):
    """The suite cannot be run as it is; nothing was checked."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the suite cannot be run: " + "; ".join(problems))


def read_suite(content: bytes, columns: Sequence[str]) -> tuple[str, list[Expectation]]:
    """Return name and expectations of a suite file. Raises SuiteRefused with every problem."""
    try:
        suite = json.loads(content)
        name = str(suite["name"])
        lines = [Expectation.model_validate(line) for line in suite["expectations"]]
    except (ValueError, KeyError, TypeError) as error:
        raise SuiteRefused([f'it is no {{"name", "expectations": [...]}}: {error}']) from error
    problems = [
        problem
        for number, line in enumerate(lines)
        for problem in _problems(f"expectations.{number}", line, columns)
    ]
    if problems:
        raise SuiteRefused(problems)
    return name, lines


def to_gx_suite(name: str, lines: Sequence[Expectation]) -> gx.ExpectationSuite:
    """Return the suite as Great Expectations runs it."""
    return gx.ExpectationSuite(
        name=name,
        expectations=[
            {"type": line.type, "kwargs": line.kwargs, "meta": line.meta} for line in lines
        ],
    )


def _problems(where: str, line: Expectation, columns: Sequence[str]) -> list[str]:
    found = []
    if line.severity not in SEVERITIES:
        found.append(
            f"{where}.meta.severity = {line.severity!r}: use one of {', '.join(SEVERITIES)}"
        )
    camel = "".join(part.capitalize() for part in line.type.split("_"))
    if not hasattr(known, camel):
        found.append(f"{where}.type = {line.type!r}: Great Expectations knows no such expectation")
        return found
    column = line.kwargs.get("column")
    if column is not None and column not in columns:
        found.append(
            f"{where}.kwargs.column = {column!r}: the data has no such column; "
            f"use one of {', '.join(columns)}"
        )
    try:
        configuration = ExpectationConfiguration(type=line.type, kwargs=line.kwargs)
        configuration.to_domain_obj()
    except (ValueError, TypeError, gx.exceptions.GreatExpectationsError) as error:
        found.append(f"{where}.kwargs: {' '.join(str(error).split())}")
    return found
