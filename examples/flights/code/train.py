"""Trains the model of the example, in rounds that survive the loss of the machine."""

from __future__ import annotations

import pickle
import tempfile
from importlib.metadata import version
from pathlib import Path

import joblib
import mlflow.pyfunc
import pandas as pd
from late_model import FEATURES, MEASURED, TEXTS, WHOLE, Encoder
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from sklearn.ensemble import HistGradientBoostingClassifier as Trees
from sklearn.metrics import log_loss

from blocks.workload import Job

HERE = Path(__file__).parent
LABEL = "late"
NEEDS = ("mlflow", "scikit-learn", "pandas", "numpy")


def main() -> None:
    """Train from the newest checkpoint on, save in time, and hand the model over."""
    with Job.from_environment() as job:
        frame = pd.read_parquet(job.data, columns=[*FEATURES, LABEL])
        encoder, truth = Encoder.learned_from(frame), frame[LABEL].to_numpy()
        matrix = encoder.matrix(frame)
        trees = new_trees(job)
        rounds, step = int(job.number("rounds", 60)), int(job.number("rounds_a_step", 5))
        done, loss = 0, float("nan")
        if (found := job.checkpoints.latest()) is not None:
            trees, done = joblib.load(found.folder / "trees.joblib"), found.step
            loss = found.metrics.get("loss", loss)
            print(f"resumed after {done} of {rounds} rounds", flush=True)
        while done < rounds:
            done = min(done + step, rounds)
            trees.set_params(max_iter=done).fit(matrix, truth)
            loss = float(log_loss(truth, trees.predict_proba(matrix)[:, 1]))
            print(f"{done} of {rounds} rounds, training loss {loss:.4f}", flush=True)
            job.progress(done=done, of=rounds, loss=loss)
            if job.checkpoints.due():
                with job.checkpoints.saving(done) as folder:
                    joblib.dump(trees, folder / "trees.joblib")
            job.stop_if_noticed()
        with tempfile.TemporaryDirectory() as scratch:
            model = save(Path(scratch), frame[list(FEATURES)].head(2), encoder, trees)
            job.succeed(model=model, metrics={"training_loss": loss})


def new_trees(job: Job) -> Trees:
    """Return the untrained trees; the seed makes an interrupted training equal a whole one."""
    return Trees(
        learning_rate=job.number("learning_rate", 0.08),
        max_leaf_nodes=int(job.number("leaves", 15)),
        min_samples_leaf=int(job.number("least_rows", 50)),
        l2_regularization=job.number("shrinkage", 1.0),
        categorical_features=list(range(len(TEXTS))),
        warm_start=True,
        early_stopping=False,
        random_state=2013,
    )


def save(scratch: Path, example: pd.DataFrame, encoder: Encoder, trees: Trees) -> Path:
    """Write encoder and trees as one MLflow model, with the columns it takes."""
    kept = scratch / "kept"
    kept.mkdir()
    # not joblib, which puts arrays where nobody can look into what would run at loading
    (kept / "model.pickle").write_bytes(pickle.dumps({"levels": encoder.levels, "trees": trees}))
    kinds = dict.fromkeys(TEXTS, DataType.string) | dict.fromkeys(WHOLE, DataType.long)
    inputs = Schema(
        [
            ColSpec(kinds.get(name, DataType.double), name, required=name not in MEASURED)
            for name in FEATURES
        ]
    )
    outputs = Schema([ColSpec(DataType.double, "probability_late")])
    mlflow.pyfunc.save_model(
        scratch / "model",
        python_model=str(HERE / "late_model.py"),
        artifacts={"kept": str(kept)},
        signature=ModelSignature(inputs=inputs, outputs=outputs),
        input_example=example,
        pip_requirements=[f"{name}=={version(name)}" for name in NEEDS],
    )
    return scratch / "model"


if __name__ == "__main__":
    main()
