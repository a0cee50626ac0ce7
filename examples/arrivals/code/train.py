"""Trains the model of the example: the chance of each way in which a flight may arrive."""

from __future__ import annotations

import tempfile
from pathlib import Path

import mlflow.sklearn
import pandas as pd
from mlflow.models import infer_signature
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from blocks.workload import Job

TEXTS = ["carrier", "origin", "dest"]
NUMBERS = ["departure_hour", "arrival_hour", "distance", "minutes_behind", "wind_speed"]
NUMBERS += ["visibility", "pressure"]
LABEL = "arrival"


def main() -> None:
    """Train, and hand the model over."""
    with Job.from_environment() as job:
        frame = pd.read_parquet(job.data, columns=[*TEXTS, *NUMBERS, LABEL])
        inputs, truth = frame[[*TEXTS, *NUMBERS]], frame[LABEL]
        # a text that training never saw is missing, and trees have a way for that
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=float("nan"))
        trees = HistGradientBoostingClassifier(
            max_iter=int(job.number("rounds", 60)),
            learning_rate=job.number("learning_rate", 0.1),
            categorical_features=list(range(len(TEXTS))),
            early_stopping=False,
            random_state=2013,
        )
        encoder = make_column_transformer((codes, TEXTS), remainder="passthrough")
        model = make_pipeline(encoder, trees).fit(inputs, truth)
        chances = model.predict_proba(inputs.head(100))
        with tempfile.TemporaryDirectory() as scratch:
            mlflow.sklearn.save_model(
                model,
                Path(scratch) / "model",
                signature=infer_signature(inputs.head(100), chances),
                pyfunc_predict_fn="predict_proba",  # a column for each class, as they are sorted
                serialization_format="cloudpickle",
                pip_requirements=["scikit-learn"],
            )
            accuracy = float(model.score(inputs, truth))
            job.succeed(model=Path(scratch) / "model", metrics={"training_accuracy": accuracy})


if __name__ == "__main__":
    main()
