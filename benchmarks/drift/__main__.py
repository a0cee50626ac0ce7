"""What drift detection costs: ``python -m benchmarks.drift [--rows 100000] [--only NAME]``."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import click
import psutil

from benchmarks.drift import data
from benchmarks.drift.contenders import CONTENDERS
from benchmarks.drift.peers import PEERS, environment

ROOT = Path(__file__).parents[2]
ORDER = ("ours, reference profiled too", *(n for n in CONTENDERS if "too" not in n))


@click.command()
@click.option("--rows", multiple=True, type=int, default=(100_000, 1_000_000), show_default=True)
@click.option("--only", multiple=True, type=click.Choice(ORDER), help="Contenders to run.")
@click.option("--peers", is_flag=True, help="Install peers into an environment of their own.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where data files are kept.")
def main(rows: tuple[int, ...], only: tuple[str, ...], peers: bool, folder: Path | None) -> None:
    """Print a table of CPU seconds and peak memory, as markdown."""
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        place.mkdir(parents=True, exist_ok=True)
        click.echo(_machine())
        click.echo("\n| contender | rows | CPU s | wall s | peak MB | of it at start MB |")
        click.echo("|---|---|---|---|---|---|")
        for count in rows:
            reference, current = (_file(place, count, seed) for seed in (1, 2))
            for name in ORDER:
                # the stored reference comes from the run that profiles both
                if not only or name in only or ("too" in name and "stored" in only[0]):
                    argv = [sys.executable, "-m", "benchmarks.drift.contenders", name]
                    _row(name, count, [*argv, str(reference), str(current)])
            for name in PEERS if peers else ():
                script = Path(__file__).with_name("peers.py")
                python = environment(place, name)
                if python is not None:
                    _row(
                        name, count, [str(python), str(script), name, str(reference), str(current)]
                    )


def _file(place: Path, rows: int, seed: int) -> Path:
    file = place / f"{rows}-{seed}.parquet"
    if not file.exists():
        data.write(file, rows, seed=seed)
    return file


def _row(name: str, rows: int, argv: list[str]) -> None:
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        click.echo(
            f"| {name} | {rows:,} | failed: {(done.stderr.splitlines() or ['?'])[-1]} | | | |"
        )
        return
    found = json.loads(done.stdout.splitlines()[-1])
    click.echo(
        f"| {name} | {rows:,} | {found['cpu']:.2f} | {found['wall']:.2f} | {found['peak']:.0f} | "
        f"{found['idle']:.0f} |"
    )


def _machine() -> str:
    versions = ", ".join(
        f"{name} {version(name)}" for name in ("numpy", "pyarrow", "scipy", "duckdb")
    )
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, Python "
        f"{platform.python_version()}, {versions}"
    )


if __name__ == "__main__":
    main()
