"""Projects whose model answers several classes or a quantity, with a script of seconds."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROWS = 1200
CLASSES = ("high", "low", "middle")

CLASSIFIES = """
    import tempfile
    from pathlib import Path

    import mlflow.sklearn
    import pandas as pd
    from mlflow.models import infer_signature
    from sklearn.linear_model import LogisticRegression

    from blocks.workload import Job

    with Job.from_environment() as job:
        rows = pd.read_parquet(job.data)
        inputs = rows[["a", "b"]]
        weights = {"low": 1, "middle": 1, "high": job.number("bent", 1)}
        model = LogisticRegression(C=job.number("strength", 1), class_weight=weights)
        model.fit(inputs, rows["target"])
        with tempfile.TemporaryDirectory() as scratch:
            mlflow.sklearn.save_model(
                model,
                Path(scratch) / "model",
                signature=infer_signature(inputs, model.predict_proba(inputs)),
                pyfunc_predict_fn="predict_proba",
                serialization_format="cloudpickle",
                pip_requirements=["scikit-learn"],
            )
            job.succeed(model=Path(scratch) / "model", metrics={})
"""

MEASURES = """
    import tempfile
    from pathlib import Path

    import mlflow.sklearn
    import pandas as pd
    from mlflow.models import infer_signature
    from sklearn.linear_model import Ridge

    from blocks.workload import Job

    with Job.from_environment() as job:
        rows = pd.read_parquet(job.data)
        inputs = rows[["a", "b"]]
        model = Ridge(alpha=job.number("strength", 1))
        model.fit(inputs, rows["target"] + job.number("bent", 0))
        with tempfile.TemporaryDirectory() as scratch:
            mlflow.sklearn.save_model(
                model,
                Path(scratch) / "model",
                signature=infer_signature(inputs, model.predict(inputs)),
                serialization_format="cloudpickle",
                pip_requirements=["scikit-learn"],
            )
            job.succeed(model=Path(scratch) / "model", metrics={})
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a model answers, and how its project makes it answer otherwise."""

    train: str
    problem_type: str
    bent: float  # of a version that its gates let through, and that answers otherwise
    limits: dict[str, float]  # of a version that is bent, too


KINDS = {
    "classes": Kind(
        train=CLASSIFIES, problem_type="multiclass", bent=1000, limits={"accuracy": 0.2}
    ),
    "quantity": Kind(
        train=MEASURES,
        problem_type="regression",
        bent=130,
        limits={"d2_absolute_error": -1},
    ),
}


def make_kind(folder: Path, kind: Kind) -> Path:
    """Write the project; return its specification file."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "train.py").write_text(textwrap.dedent(kind.train))
    null = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "a"}}
    (folder / "suite.json").write_text(json.dumps({"name": "kinds", "expectations": [null]}))
    request = {"dataframe_records": [{"a": 0.5, "b": 0.5}]}
    (folder / "request.json").write_text(json.dumps(request))
    random = np.random.default_rng(7)
    for name in ("train", "holdout"):
        rows = pd.DataFrame({"a": random.random(ROWS), "b": random.random(ROWS)})
        noise = random.normal(size=ROWS)
        if kind.problem_type == "multiclass":
            place = np.clip(3 * rows["a"] + 0.3 * noise, 0, 2.99).astype(int)
            rows["target"] = place.map({0: "low", 1: "middle", 2: "high"})
        else:
            rows["target"] = 200 + 400 * rows["a"] + 150 * noise
        rows.to_parquet(folder / f"{name}.parquet", index=False)
    file = folder / "release.yaml"
    file.write_text(yaml.safe_dump(_specification(kind)))
    return file


def _specification(kind: Kind) -> dict[str, object]:
    return {
        "name": "kinds",
        "data": {
            "train": "train.parquet",
            "holdout": "holdout.parquet",
            "label": "target",
            "problem_type": kind.problem_type,
        },
        "validation": {"suite": "suite.json"},
        "training": {"source": "code", "machine": "local.small"},
        "evaluation": {
            "metric": "accuracy" if kind.problem_type == "multiclass" else "absolute_error",
            "margin": 0.5,
            "slice_margin": 0.5,
            "limits": kind.limits,
            "latency": {"requests": 20},
        },
        "rollout": {
            "endpoint": "kinds",
            "machine": "local.small",
            "smoke_request": "request.json",
            "shadow": None,
            "steps": [50, 100],
            "step_duration": "PT12S",
            "step_requests": 100,
            "patience": "PT60S",
            "on_little_traffic": "go_on",
            "look_every": "PT1S",
            "bake": "PT2S",
            "rules": {"warm_up": "PT2S", "prediction_tolerance": 0.2},
        },
    }
