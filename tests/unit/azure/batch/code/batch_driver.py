"""A scoring script as people write it: a row for each file, and a file for each, too."""

import os
from pathlib import Path

state = {}


def init():
    model = next(Path(os.environ["AZUREML_MODEL_DIR"]).rglob("factor.txt"))
    state["factor"] = float(model.read_text())


def run(mini_batch):
    rows = []
    for path in map(Path, mini_batch):
        value = float(path.read_text()) * state["factor"]
        (Path(os.environ["AZUREML_BI_OUTPUT_PATH"]) / f"{path.stem}.scored").write_text(str(value))
        rows.append(f"{path.name} {value}")
    return rows
