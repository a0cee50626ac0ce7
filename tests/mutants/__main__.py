"""Make each mutant in a copy of the packages and see that the conformance suite notices it.

    python -m tests.mutants [--only WORDS] [--quarter 0] [--workers 2] [--passed]

mutmut and cosmic-ray make mutants by changing operators: thousands, most of which mean nothing
here. These are few, each a defect of a kind that has cost somebody money, each with the tests that
have to fail. Ends with 1 if one survives, or if the text of any is no longer in the code.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.mutants.defects import MUTANTS
from tests.mutants.mutant import Mutant
from tests.mutants.running import ALL_PASSED, PATIENCE, SOME_FAILED, preload, run

ROOT = Path(__file__).parents[2]
COPIED = ("blocks", "tests/conformance", "pyproject.toml", "README.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What became of a mutant."""

    mutant: Mutant
    killed_by: tuple[str, ...]
    problem: str
    seconds: float


def copy(place: Path) -> None:
    """Copy what is tested, and what tests it, with what Python has compiled of both.

    A file that is changed after is newer than that, and compiled anew.
    """
    for name in COPIED:
        source, target = ROOT / name, place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)


def tried(mutant: Mutant) -> Seen:
    """Make one mutant and run its killers."""
    begun = time.monotonic()

    def seen(*killed_by: str, problem: str = "") -> Seen:
        seconds = time.monotonic() - begun
        return Seen(mutant=mutant, killed_by=killed_by, problem=problem, seconds=seconds)

    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        place = Path(folder).resolve()
        copy(place)
        file = place / "blocks" / mutant.file
        file.write_text(file.read_text().replace(mutant.before, mutant.after))
        compile(file.read_text(), mutant.file, "exec")
        code, words = run(place, mutant.killers)
    if code == ALL_PASSED:
        return seen(problem="it survives")
    if code != SOME_FAILED:
        return seen(problem=f"the tests did not run ({code}): {words[-300:]}")
    return seen(*re.findall(r"^FAILED \S+::([^\s\[]+)", words, re.MULTILINE))


def lost(mutants: Sequence[Mutant]) -> Sequence[str]:
    """Return which of them can no longer be made, and why."""
    times = [(ROOT / "blocks" / each.file).read_text().count(each.before) for each in mutants]
    return [
        f"{mutant.name}: its text is {count} times in {mutant.file}"
        for mutant, count in zip(mutants, times, strict=True)
        if count != 1
    ]


def unharmed(mutants: Sequence[Mutant]) -> str:
    """Return what is wrong with the killers where nothing is mutated."""
    killers = sorted({killer for mutant in mutants for killer in mutant.killers})
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        place = Path(folder).resolve()
        copy(place)
        code, words = run(place, killers, patience=PATIENCE * len(killers))
    return "" if code == ALL_PASSED else words[-2000:]


def show(found: Sequence[Seen]) -> None:
    table = Table(title="Mutants")
    for heading in ("mutant", "where", "killed by", "seconds"):
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    for each in found:
        fate = f"[bold red]{each.problem}[/]" if each.problem else ", ".join(each.killed_by)
        table.add_row(each.mutant.name, each.mutant.file, fate, f"{each.seconds:.0f}")
    Console().print(table)


@click.command()
@click.option("--only", default="", help="Words in the name of a mutant.")
@click.option(
    "--quarter",
    type=click.IntRange(0, 3),
    help="Each fourth only, from the first or a later one on.",
)
@click.option("--workers", default=2, show_default=True, help="Mutants at a time.")
@click.option("--passed", is_flag=True, help="The suite has passed: do not run it unharmed.")
def main(only: str, quarter: int | None, workers: int, *, passed: bool) -> None:
    """Make each mutant and see that the conformance suite notices it."""
    if problems := lost(MUTANTS):
        raise click.ClickException("; ".join(problems))
    mutants = [mutant for mutant in MUTANTS if only in mutant.name]
    if quarter is not None:
        mutants = mutants[quarter::4]
    preload()
    if not passed and (problem := unharmed(mutants)):
        raise click.ClickException(f"without any mutant: {problem}")
    found = []
    with ThreadPoolExecutor(workers) as pool:
        for done in as_completed([pool.submit(tried, mutant) for mutant in mutants]):
            found.append(done.result())
            fate = found[-1].problem or "killed"
            click.echo(f"{len(found)}/{len(mutants)} {found[-1].mutant.name}: {fate[:60]}")
    show(found)
    survivors = sum(bool(each.problem) for each in found)
    click.echo(f"{len(found) - survivors} of {len(found)} killed")
    sys.exit(1 if survivors or not found else 0)


if __name__ == "__main__":
    main()
