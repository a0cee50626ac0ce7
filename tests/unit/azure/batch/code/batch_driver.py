"""A scoring script as people write it: a row for each file, and a file for each, too."""

from __future__ import annotations

import os
from pathlib import Path

FACTORS: list[float] = []


def init() -> None:
    """Load the model."""
    [file] = Path(os.environ["AZUREML_MODEL_DIR"]).rglob("factor.txt")
    FACTORS.append(float(file.read_text()))


def run(mini_batch: list[str]) -> list[str]:
    """Score files."""
    rows = []
    for path in map(Path, mini_batch):
        value = float(path.read_text()) * FACTORS[0]
        (Path(os.environ["AZUREML_BI_OUTPUT_PATH"]) / f"{path.stem}.scored").write_text(str(value))
        rows.append(f"{path.name} {value}")
    return rows
