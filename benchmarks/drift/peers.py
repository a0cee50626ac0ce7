"""Drift libraries, each in an environment of its own: they do not live with today's pandas.

Run by the environment's own Python, so the top of this file imports the standard library only.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PEERS: Mapping[str, tuple[str, ...]] = {
    "Evidently": ("evidently==0.7.23", "pandas<3", "pyarrow"),  # fails to import with pandas 3
    "NannyML": ("nannyml==0.13.1", "statsmodels", "pyarrow"),  # forgets to ask for statsmodels
    "whylogs": ("whylogs[viz]==1.6.4", "numpy<2", "pandas<3", "pyarrow<20"),
    "Polars": ("polars==2.1.0", "numpy", "pyarrow"),
}
QUIET = {"NML_DISABLE_USAGE_LOGGING": "1"}  # NannyML reports to its makers otherwise


def python_of(place: Path, name: str) -> Path | None:
    """Return the Python of a peer's environment, made if it is not there; None if it fails."""
    folder = place / f"env-{name.lower()}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        venv.create(folder, with_pip=True, clear=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", *PEERS[name]], check=False, capture_output=True
        )
        if done.returncode:
            sys.stderr.write(f"{name} cannot be installed here: {done.stderr.decode()[-300:]}\n")
            return None
        (folder / "complete").touch()
    return python


def evidently(before: Any, now: Any, *, drawn: bool = True) -> set[str]:
    """Return the columns that the default preset calls.

    What it measures, without its drawings, takes a third of the time and says the same.
    """
    report = importlib.import_module("evidently").Report
    if drawn:
        asked = [importlib.import_module("evidently.presets").DataDriftPreset()]
    else:
        metric = importlib.import_module("evidently.metrics").ValueDrift
        asked = [metric(column=name) for name in before]
    found = set()
    for told in report(asked).run(now, before).dict()["metrics"]:
        config, value = told["config"], told["value"]
        if config["type"].endswith(":ValueDrift"):
            chance = "p_value" in config["method"]
            called = value < config["threshold"] if chance else value >= config["threshold"]
            found |= {config["column"]} if called else set()
    return found


def nannyml(before: Any, now: Any, size: int | None = None) -> set[str]:
    """Return the columns that the default methods call, in chunks of ``size`` or in ten chunks."""
    calculator = importlib.import_module("nannyml").UnivariateDriftCalculator
    chunks = {"chunk_size": size} if size else {"chunk_number": 10}
    fitted = calculator(column_names=list(before), **chunks).fit(before)
    table = fitted.calculate(now).filter(period="analysis").to_df()
    alerts = [column for column in table.columns if column[-1] == "alert"]
    return {column[0] for column in alerts if table[column].any()}


def whylogs(before: Any, now: Any) -> set[str]:
    """Return the columns whose score has p < .05, from the profiles of both."""
    package = importlib.import_module("whylogs")
    scores = importlib.import_module("whylogs.viz.drift.column_drift_algorithms")
    views = [package.log(pandas=each).view() for each in (now, before)]
    found = scores.calculate_drift_scores(target_view=views[0], reference_view=views[1])
    return {name for name, each in found.items() if each and each["pvalue"] < 0.05}


def polars(reference: Path, current: Path) -> None:
    """Exact tenths of the reference and counts in them, counts by value: all lazily."""
    pl = importlib.import_module("polars")
    before, now = pl.scan_parquet(reference), pl.scan_parquet(current)
    columns = before.collect_schema().names()
    names = [name for name in columns if name.startswith("number")]
    wanted = [pl.col(name).quantile(t / 10).alias(f"{name}.{t}") for name in names for t in _tens()]
    tenths = before.select(wanted).collect()
    for name in names:
        edges = [tenths[f"{name}.{t}"][0] for t in _tens()]
        parts = [(pl.col(name) <= edge).sum().alias(str(t)) for t, edge in enumerate(edges)]
        asked = [*parts, pl.col(name).count().alias("all")]
        _stable([_differences(each.select(asked).collect().row(0)) for each in (before, now)])
    for name in columns:
        if name.startswith("category"):
            counted = [each.group_by(name).len().sort(name).collect() for each in (before, now)]
            _stable([each["len"].to_list() for each in counted])


def _tens() -> range:
    return range(1, 10)


def _differences(row: Sequence[int]) -> list[int]:
    return [each - before for before, each in zip((0, *row), row, strict=False)]


def _stable(counts: Sequence[Any]) -> bool:
    numpy: Any = importlib.import_module("numpy")
    p, q = (numpy.maximum(each, 0.5) / max(sum(each), 1) for each in counts)
    return float(((q - p) * numpy.log(q / p)).sum()) <= 0.2


def judge(name: str, folder: Path, size: int) -> dict[str, list[str]]:
    """Return the columns that are called in each window of a folder.

    A reference is named as its windows are up to the first dash. Who takes no chunks gets 20,000
    rows of it.
    """
    pandas, found = importlib.import_module("pandas"), {}
    for file in sorted(folder.glob("*-window-*.parquet")):
        before = pandas.read_parquet(folder / f"{file.stem.partition('-')[0]}.parquet")
        now = pandas.read_parquet(file)
        some = before.sample(20_000, random_state=0)
        if name == "nannyml":
            called = nannyml(before, now, size)
        else:
            called = whylogs(some, now) if name == "whylogs" else evidently(some, now, drawn=False)
        found[file.stem] = sorted(called)
    return found


def main() -> None:
    """Answer once; print JSON. Frames are read first, and their reading counts."""
    name, what = sys.argv[1].lower(), sys.argv[2]
    importlib.import_module(name)
    process: Any = importlib.import_module("process")  # the file beside this one
    if what == "judge":
        folder, size = Path(sys.argv[3]), int(sys.argv[4])
        process.tell(lambda: judge(name, folder, size))
        return
    reference, current = Path(what), Path(sys.argv[3])
    if name == "polars":
        process.tell(lambda: polars(reference, current))
        return
    pandas = importlib.import_module("pandas")
    run: Any = {"evidently": evidently, "nannyml": nannyml, "whylogs": whylogs}[name]
    process.tell(lambda: len(run(pandas.read_parquet(reference), pandas.read_parquet(current))))


if __name__ == "__main__":
    main()
