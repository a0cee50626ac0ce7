"""Small real models in MLflow's format, for benches and tests."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import add_to_model
from mlflow.types import ColSpec, DataType, Schema

from blocks.contracts import ModelDraft
from blocks.workload import digest

SCORE = "return (frame['x'] > 0.5).astype(float).to_numpy()"
RARE = "next(turns) % 50 == 0"
HELD_FROM = 100  # by n; a held model lets the rows before it pass

CODE = {
    "threshold": SCORE,
    "same": SCORE,
    "constant": "return np.full(len(frame), 0.25)",
    "shifted": "return np.minimum((frame['x'] > 0.5).astype(float).to_numpy() + 0.5, 1.0)",
    "broken": "raise ValueError('this model always fails')",
    "flaky": f"if {RARE}: raise ValueError('this model fails sometimes')\n        {SCORE}",
    "slow": f"time.sleep(0.05 if {RARE} else 0)\n        {SCORE}",
    "heavy": f"time.sleep(0.02)\n        {SCORE}",
    "held": f"wait_with(frame)\n        {SCORE}",
    "unloadable": "return None",
}

SIGNATURE = ModelSignature(
    inputs=Schema(
        [
            ColSpec(DataType.double, "x"),
            ColSpec(DataType.long, "n"),
            ColSpec(DataType.string, "note", required=False),
        ]
    ),
    outputs=Schema([ColSpec(DataType.double, "prediction")]),
)


def make_model(folder: Path, *, kind: str) -> ModelDraft:
    """Write a model of that kind (see ``Bench.model_draft``) and return its draft.

    The model is code, not a pickle, so making and loading it takes milliseconds. While a file
    ``incident`` lies beside the folder, every fifth request to it fails; a held one waits until
    ``let_go`` of the folder.
    """
    loads = "raise OSError('this model cannot be loaded')" if kind == "unloadable" else "pass"
    code = f"""\
import itertools
import os
import time
import numpy as np

turns = itertools.count(1)

def wait_with(frame):
    while frame['n'].max() >= {HELD_FROM} and not os.path.exists({str(_let_go(folder))!r}):
        time.sleep(0.02)

class Scorer:
    def predict(self, frame, params=None):
        if os.path.exists({str(folder.parent / "incident")!r}) and next(turns) % 5 == 0:
            raise OSError('an incident hits everybody')
        {CODE[kind]}

def _load_pyfunc(path):
    {loads}
    return Scorer()
"""
    # the module's name is the kind's: two models in one process must not share one
    module = f"bluewater_{kind}_{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
    (folder / "code").mkdir(parents=True)
    (folder / "code" / f"{module}.py").write_text(code)
    model = Model(signature=SIGNATURE)
    add_to_model(model, loader_module=module, code="code")  # type: ignore[no-untyped-call]
    (folder / "MLmodel").write_text(yaml.safe_dump(model.to_dict(), sort_keys=False))
    return ModelDraft(
        name="bench", uri=folder.as_uri(), digest=digest(folder), metrics={"roc_auc": 0.9}
    )


def let_go(folder: Path) -> None:
    """Let the held model that was made in a folder go on."""
    _let_go(folder).touch()


def _let_go(folder: Path) -> Path:
    return folder.parent / "let-go"
