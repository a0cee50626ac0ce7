"""Who stops a clean week, and who says what is wrong with a broken one.

    python -m benchmarks.checks [--other flights-3m.parquet] [--write]

``--other`` is a file of the npm package vega-datasets (3 million flights of 2001), a year and a
data set that no rule was tuned on.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
import pandas as pd

from benchmarks.checks.corruptions import ALL, Corruption
from benchmarks.checks.data import Weeks, flights_2001, flights_2013
from benchmarks.checks.ours import NAME, Derived, Found
from benchmarks.checks.peers import PEERS, Failed, Rule, Seen, check, summarise
from benchmarks.checks.picture import draw

FOLDER = Path(__file__).parent
BROKEN = 5  # later weeks that are broken in each way
INTRODUCTION = """# Checks derived from data: who stops clean weeks, and who names what is wrong

`python -m benchmarks.checks --other flights-3m.parquet --write` derives checks from the first 17
whole weeks of a year and runs them, frozen, over every later week as it is, and over later weeks of
2013 that were broken in fifteen ways. 2001 is `flights-3m.parquet` of the npm package
vega-datasets; no limit was tuned on it. A week *fails* if a check fails that stops a release; peers
know no warnings. Peers are rebuilt from their documentation. *Named* means that a right check is
among those that fail: of ours, warnings included.

![Clean weeks that fail, and defects that are named](checks.svg)
"""

Judge = Callable[[pd.DataFrame], Found]


@click.command()
@click.option("--other", type=click.Path(exists=True, path_type=Path), help="flights-3m.parquet.")
@click.option("--write", is_flag=True, help="Write README.md and the picture beside this file.")
def main(other: Path | None, write: bool) -> None:
    """Print two tables as markdown."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        years = [flights_2013(folder)] + ([flights_2001(other, folder)] if other else [])
        judges = {year.name: _judges(year, folder) for year in years}
        clean = {
            year.name: {name: _clean(judge, year) for name, judge in judges[year.name].items()}
            for year in years
        }
        first = years[0]
        named = {name: _named(judge, first) for name, judge in judges[first.name].items()}
    text = "\n".join(_told(clean, named, time.process_time() - began))
    click.echo(text)
    if write:
        (FOLDER / "README.md").write_text(f"{INTRODUCTION}\n{text}\n")
        draw(
            clean,
            {name: list(shares.values()) for name, shares in named.items()},
            [each.name for each in ALL],
            FOLDER / "checks.svg",
        )


def _judges(year: Weeks, folder: Path) -> dict[str, Judge]:
    train = _read(year.learnt)
    known = summarise(train)
    found: dict[str, Judge] = {NAME: Derived(year.learnt, folder).check}
    found |= {name: _of(rule, known) for name, rule in PEERS.items()}
    click.echo(f"{year.name}: learnt {len(train):,} rows", err=True)
    return found


def _of(rule: Rule, known: Mapping[str, Seen]) -> Judge:
    return lambda week: Found(hard=check(rule, known, week), warned=set())


def _read(file: Path) -> pd.DataFrame:
    """Return a week; a number that is missing makes no other type of its column."""
    return pd.read_parquet(file, dtype_backend="pyarrow")


def _clean(judge: Judge, year: Weeks) -> list[Found]:
    return [judge(_read(file)) for file in year.later]


def _named(judge: Judge, year: Weeks) -> dict[str, float]:
    """Return the share of broken weeks in which a right check fails that is fine without."""
    chosen = year.later[:: max(len(year.later) // BROKEN, 1)][:BROKEN]
    fine = {file: judge(_read(file)) for file in chosen}
    found = {}
    for number, corruption in enumerate(ALL):
        random = np.random.default_rng(number)
        hits = 0
        for file, before in fine.items():
            after = judge(corruption.does(_read(file), random))
            fresh = (after.hard | after.warned) - (before.hard | before.warned)
            hits += _right(fresh, corruption)
        found[corruption.name] = hits / len(chosen)
        click.echo(f"{corruption.name}: {hits} of {len(chosen)}", err=True)
    return found


def _right(failed: Failed, corruption: Corruption) -> bool:
    return any(
        (not column or column in where.split(", ")) and words in check
        for column, words in corruption.right
        for where, check in failed
    )


def _told(
    clean: dict[str, dict[str, list[Found]]], named: dict[str, dict[str, float]], seconds: float
) -> Sequence[str]:
    versions = ", ".join(f"{name} {version(name)}" for name in ("great-expectations", "duckdb"))
    told = [
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"{versions}; {seconds:.0f} CPU s in all.",
        "",
        "**Clean weeks that fail**",
        "",
        "| | "
        + " | ".join(
            f"{year} ({len(next(iter(found.values())))} weeks)" for year, found in clean.items()
        )
        + " |",
        "|---" * (1 + len(clean)) + "|",
    ]
    for name in named:
        cells = [_share([bool(each.hard) for each in found[name]]) for found in clean.values()]
        told.append(f"| {name} | " + " | ".join(cells) + " |")
    warned = [
        f"{np.mean([len(each.warned) for each in found[NAME]]):.1f} in {year}"
        for year, found in clean.items()
    ]
    told += [
        "",
        f"Ours warns of so many checks in a clean week, on average: {'; '.join(warned)}.",
        "",
        f"**Defects named, % of {BROKEN} broken weeks each**",
        "",
        "| | " + " | ".join(named) + " |",
        "|---" * (1 + len(named)) + "|",
    ]
    for corruption in ALL:
        cells = [f"{100 * shares[corruption.name]:.0f}" for shares in named.values()]
        told.append(f"| {corruption.name} | " + " | ".join(cells) + " |")
    always = [str(sum(share == 1 for share in shares.values())) for shares in named.values()]
    told.append(f"| always named, of {len(ALL)} | " + " | ".join(always) + " |")
    return told


def _share(failed: Sequence[bool]) -> str:
    return f"{100 * sum(failed) / len(failed):.0f} %"


if __name__ == "__main__":
    main()
