"""A small project for whole releases: made data, a suite, a training script of seconds."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

TRAIN = """
    import sys
    import tempfile
    import textwrap
    import time
    from pathlib import Path

    import yaml
    from blocks.workload import Job

    CODE = '''
        import numpy as np
        class Scorer:
            def predict(self, frame, params=None):
                return np.clip({slope} * frame["x"].to_numpy() + 0.1, 0.0, 1.0)
        def _load_pyfunc(path):
            return Scorer()
    '''

    MLMODEL = {
        "flavors": {"python_function": {"loader_module": "NAME", "code": "code", "env": None}},
        "signature": {
            "inputs": '[{"type": "double", "name": "x", "required": true}]',
            "outputs": '[{"type": "double", "name": "score", "required": true}]',
            "params": None,
        },
        "model_uuid": "0" * 32,
        "utc_time_created": "2026-01-01 00:00:00.000000",
        "mlflow_version": "3.0.0",
    }

    with Job.from_environment() as job:
        found = job.checkpoints.latest()
        for step in range(found.step if found else 0, int(job.number("steps", 10))):
            time.sleep(job.number("pause", 0.0))
            job.progress(done=step + 1, of=int(job.number("steps", 10)))
            with job.checkpoints.saving(step + 1) as folder:
                (folder / "step").write_text(str(step + 1))
            job.stop_if_noticed()
        with tempfile.TemporaryDirectory() as scratch:
            model = Path(scratch) / "model"
            (model / "code").mkdir(parents=True)
            name = f"scorer_{int(job.number('slope', 0.5) * 1000)}"
            code = textwrap.dedent(CODE).replace("{slope}", str(job.number("slope", 0.5)))
            (model / "code" / f"{name}.py").write_text(code)
            MLMODEL["flavors"]["python_function"]["loader_module"] = name
            (model / "MLmodel").write_text(yaml.safe_dump(MLMODEL))
            job.succeed(model=model, metrics={})
"""

SUITE = {
    "name": "small",
    "expectations": [
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x"}},
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "x", "min_value": 0, "max_value": 1},
        },
    ],
}


def make_project(folder: Path) -> Path:
    """Write the project; return its specification file."""
    (folder / "code").mkdir(parents=True)
    (folder / "code" / "train.py").write_text(textwrap.dedent(TRAIN))
    (folder / "suite.json").write_text(json.dumps(SUITE))
    (folder / "request.json").write_text(json.dumps({"dataframe_records": [{"x": 0.5}]}))
    random = np.random.default_rng(7)
    for name, rows in {"train": 2000, "holdout": 2000}.items():
        x = random.random(rows)
        label = (random.random(rows) < 0.2 + 0.6 * x).astype(int)
        group = random.choice(["a", "b"], rows)
        pd.DataFrame({"x": x, "group": group, "label": label}).to_parquet(
            folder / f"{name}.parquet"
        )
    specification = {
        "name": "small",
        "data": {
            "train": "train.parquet",
            "holdout": "holdout.parquet",
            "label": "label",
            "slices": ["group"],
        },
        "validation": {"suite": "suite.json"},
        "training": {"source": "code", "parameters": {"slope": "0.5"}, "machine": "local.small"},
        "evaluation": {"margin": 0.05, "latency": {"requests": 20}},
        "rollout": {
            "endpoint": "small",
            "machine": "local.small",
            "smoke_request": "request.json",
            "shadow": None,
            "steps": [10, 50, 100],
            "step_duration": "PT2S",
            "step_requests": 1,
            "patience": "PT3S",
            "on_little_traffic": "go_on",
            "look_every": "PT0.5S",
            "bake": "PT2S",
        },
    }
    file = folder / "release.yaml"
    file.write_text(yaml.safe_dump(specification))
    return file
