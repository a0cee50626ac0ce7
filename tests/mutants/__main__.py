"""Make each mutant in a copy of the packages and see that the conformance suite notices it.

    python -m tests.mutants [--only WORDS] [--workers 2]

mutmut and cosmic-ray make mutants by changing operators: thousands, most of which mean nothing
here. These are few, each a defect of a kind that has cost somebody money, each with the tests that
have to fail. Ends with 1 if one survives, or if its text is no longer in the code.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
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

from tests.mutants.mutants import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("blocks", "tests/conformance", "pyproject.toml", "README.md")
PROVIDER = "local"  # whose tests are the quickest; what is shared is shared by all
PATIENCE = 180.0  # seconds for the killers of one mutant
PYTEST = (sys.executable, "-m", "pytest", "-q", "-x", "-rf", "--tb=line", "-k", PROVIDER)
SOME_FAILED, ALL_PASSED = 1, 0  # pytest's exit codes


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What became of a mutant."""

    mutant: Mutant
    killed_by: tuple[str, ...]
    problem: str
    seconds: float


def copy(place: Path) -> None:
    """Copy what is tested, and what tests it."""
    for name in COPIED:
        source, target = ROOT / name, place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def run(place: Path, killers: Sequence[str], *, patience: float = PATIENCE) -> tuple[int, str]:
    """Run tests in a copy; return pytest's exit code and its words."""
    tests = []
    for killer in killers:
        module, _, test = killer.partition("::")
        tests.append(f"tests/conformance/test_{module}.py::{test}")
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        [*PYTEST, *tests],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        words, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return -1, "it hangs"
    return process.returncode, words


def is_imported_from(place: Path) -> bool:
    """Whether tests in a copy import the copy, and not what is installed."""
    told = subprocess.run(
        [sys.executable, "-c", "import blocks; print(blocks.__path__[0])"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(told.stdout.strip()) == place / "blocks"


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
        text = file.read_text()
        if text.count(mutant.before) != 1:
            return seen(problem=f"its text is {text.count(mutant.before)} times in {mutant.file}")
        file.write_text(text.replace(mutant.before, mutant.after))
        compile(file.read_text(), mutant.file, "exec")
        code, words = run(place, mutant.killers)
    if code == ALL_PASSED:
        return seen(problem="it survives")
    if code != SOME_FAILED:
        return seen(problem=f"the tests did not run ({code}): {words[-300:]}")
    return seen(*re.findall(r"^FAILED \S+::([^\s\[]+)", words, re.MULTILINE))


def unharmed(mutants: Sequence[Mutant]) -> str:
    """Return what is wrong with the killers where nothing is mutated."""
    killers = sorted({killer for mutant in mutants for killer in mutant.killers})
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        place = Path(folder).resolve()
        copy(place)
        if not is_imported_from(place):
            return "the copy is not what tests import"
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
@click.option("--workers", default=2, show_default=True, help="Mutants at a time.")
def main(only: str, workers: int) -> None:
    """Make each mutant and see that the conformance suite notices it."""
    mutants = [mutant for mutant in MUTANTS if only in mutant.name]
    if problem := unharmed(mutants):
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
