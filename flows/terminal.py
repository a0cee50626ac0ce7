"""How the command line reads and writes."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.markup import escape

from blocks.contracts import ProviderError
from blocks.registry import MissingExtra, UnknownProvider
from flows.exits import Exit
from flows.tables import Told
from tasks.rollout.report import RolloutReport
from tasks.specification.problems import SpecificationRefused

P = ParamSpec("P")

console = Console()
errors = Console(stderr=True)


def exits(*known: tuple[type[Exception], Exit]) -> Callable[[Callable[P, Exit]], Callable[P, None]]:
    """Turn a command's return value, and the errors it may meet, into an exit code."""

    def around(command: Callable[P, Exit]) -> Callable[P, None]:
        @functools.wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            with errors_end(*known):
                code = command(*args, **kwargs)
            sys.exit(int(code))

        return run

    return around


@contextmanager
def errors_end(*known: tuple[type[Exception], Exit]) -> Iterator[None]:
    """Tell an error that is met, and end the process with its exit code."""
    table: dict[type[Exception], Exit] = {
        **dict(known),  # first: what is known is often a kind of what follows
        SpecificationRefused: Exit.USAGE,
        click.UsageError: Exit.USAGE,
        UnknownProvider: Exit.USAGE,
        MissingExtra: Exit.USAGE,
        ProviderError: Exit.PROVIDER,
    }
    try:
        yield
    except Exception as error:
        if os.environ.get("BLUEWATER_TRACEBACK"):
            raise
        code = next((exit_ for kind, exit_ in table.items() if isinstance(error, kind)), Exit.ERROR)
        say_error(error, code)
        sys.exit(int(code))


def say_error(error: Exception, code: Exit) -> None:
    """Print what went wrong, on standard error."""
    name = f"{type(error).__name__}: " if code is Exit.ERROR else ""
    warn("error", f"{name}{error}")
    if code is Exit.ERROR:
        errors.print(code.meaning, highlight=False)


def warn(what: str, text: object) -> None:
    """Print a line on standard error, word by word: brackets in it are no markup."""
    errors.print(f"[bold red]{what}[/] {escape(str(text))}", highlight=False, soft_wrap=True)


def show(rows: Iterable[Mapping[str, Any]], *, title: str, as_json: bool) -> None:
    """Print rows as a table, or as a JSON list; a table leaves out what is empty in every row."""
    rows = list(rows)
    if as_json:
        click.echo(json.dumps(rows, indent=2, default=str))
        return
    told = [{name: str(value) for name, value in row.items()} for row in rows]
    console.print(Told(told, title=title))


def tell_rollout(report: RolloutReport, *, as_json: bool) -> None:
    """Print how a rollout went."""
    if as_json:
        click.echo(report.model_dump_json(indent=2))
        return
    show(report.table(), title="Rollout", as_json=False)
    colour = "green" if report.live else "red"
    console.print(
        f"[bold {colour}]{report.outcome}[/] version {report.model.version} of "
        f"{report.model.name} on {report.url} {escape(report.why)}",
        highlight=False,
        soft_wrap=True,
    )


def to_uri(place: str) -> str:
    """Return a path as a URI; a URI stays as it is."""
    return place if urlsplit(place).scheme else Path(place).absolute().as_uri()
