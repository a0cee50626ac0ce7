"""A project of 200 rows, and a model that answers one number."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from blocks.contracts import ModelDraft
from blocks.testing.models import make_model
from tasks.specification.loading import load
from tasks.specification.spec import ReleaseSpec

ROWS = 200


def make(folder: Path) -> tuple[ReleaseSpec, ModelDraft]:
    """Write the project into ``folder``; return its specification and its model."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "train.py").write_text("")
    model = make_model(folder / "model", kind="same")
    random = np.random.default_rng(7)
    x = random.random(ROWS)
    frame = pd.DataFrame({"x": x, "n": range(ROWS), "label": (x > random.random(ROWS)).astype(int)})
    for name in ("train", "holdout"):
        frame.to_parquet(folder / f"{name}.parquet")
    not_null = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}}
    (folder / "suite.json").write_text(json.dumps({"name": "small", "expectations": [not_null]}))
    (folder / "request.json").write_text(json.dumps({"dataframe_records": [{"x": 0.5, "n": 1}]}))
    specification = {
        "name": "instant",
        "data": {"train": "train.parquet", "holdout": "holdout.parquet", "label": "label"},
        "validation": {"suite": "suite.json"},
        "training": {"source": "code", "machine": "local.small"},
        "evaluation": {"latency": {"requests": 20}},
        "rollout": {
            "endpoint": "instant",
            "machine": "local.small",
            "smoke_request": "request.json",
            "shadow": None,
            "bake": "PT0S",
        },
    }
    file = folder / "release.yaml"
    file.write_text(yaml.safe_dump(specification))
    return load(file), model
