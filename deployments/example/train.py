"""A training script of seconds: it writes a model in MLflow's format that always says 0.25."""

import tempfile
from pathlib import Path

from blocks.workload import Job

MODEL = """\
flavors:
  python_function: {loader_module: quarter, code: code, env: null}
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: '[{"type": "double", "name": "score", "required": true}]'
  params: null
model_uuid: 00000000000000000000000000000000
utc_time_created: 2026-01-01 00:00:00.000000
mlflow_version: 3.0.0
"""
CODE = """\
import numpy as np

class Quarter:
    def predict(self, frame, params=None):
        return np.full(len(frame), 0.25)

def _load_pyfunc(path):
    return Quarter()
"""

with Job.from_environment() as job, tempfile.TemporaryDirectory() as scratch:
    model = Path(scratch) / "model"
    (model / "code").mkdir(parents=True)
    (model / "MLmodel").write_text(MODEL)
    (model / "code" / "quarter.py").write_text(CODE)
    job.progress(done=1, of=1)
    job.succeed(model=model, metrics={"roc_auc": 0.8})
