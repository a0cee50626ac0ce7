"""Drift libraries, each in an environment of its own: they do not live with today's pandas.

Run by the environment's own Python, so the top of this file imports the standard library only.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

PEERS = {
    "evidently": ("evidently==0.7.23", "pandas<3", "pyarrow"),
    "nannyml": ("nannyml==0.13.1", "statsmodels", "pyarrow"),
    "whylogs": ("whylogs[viz]==1.6.4", "numpy<2", "pandas<3", "pyarrow"),
}


def environment(place: Path, name: str) -> Path | None:
    """Return the Python of a peer's environment, made if it is not there; None if it fails."""
    folder = place / f"environment-{name}"
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        done = subprocess.run(
            [python, "-m", "pip", "install", "-q", *PEERS[name]], check=False, capture_output=True
        )
        if done.returncode:
            sys.stderr.write(f"{name} cannot be installed here\n")
            return None
    return python


def evidently(before: Any, now: Any) -> None:
    """Run the default preset."""
    report = importlib.import_module("evidently").Report
    preset = importlib.import_module("evidently.presets").DataDriftPreset
    report([preset()]).run(now, before)


def nannyml(before: Any, now: Any) -> None:
    """Run the default methods on ten chunks."""
    package = importlib.import_module("nannyml")
    calculator = package.UnivariateDriftCalculator(column_names=list(before), chunk_number=10)
    calculator.fit(before)
    calculator.calculate(now)


def whylogs(before: Any, now: Any) -> None:
    """Profile both, then score."""
    package = importlib.import_module("whylogs")
    scores = importlib.import_module("whylogs.viz.drift.column_drift_algorithms")
    views = [package.log(pandas=each).view() for each in (now, before)]
    scores.calculate_drift_scores(target_view=views[0], reference_view=views[1])


def peak() -> float:
    """Return the largest memory of this process so far, in MB.

    From /proc: what getrusage says begins with the memory of the process that started this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    """Answer once; print JSON."""
    name, reference, current = sys.argv[1:4]
    pandas = importlib.import_module("pandas")
    importlib.import_module(name)
    idle = peak()
    began, wall = time.process_time(), time.perf_counter()
    globals()[name](pandas.read_parquet(reference), pandas.read_parquet(current))
    found = {
        "cpu": time.process_time() - began,
        "wall": time.perf_counter() - wall,
        "peak": peak(),
        "idle": idle,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
