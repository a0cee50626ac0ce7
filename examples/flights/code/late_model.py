"""Late flights as a served model: columns in, the probability of a late arrival out."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

TEXTS = ("carrier", "origin", "dest")
NUMBERS = ("departure_hour", "arrival_hour", "distance")
MEASURED = (  # may be missing: nobody has left yet, or nobody looked at the sky
    "minutes_behind",
    "temperature",
    "dew_point",
    "wind_direction",
    "wind_speed",
    "precipitation",
    "pressure",
    "visibility",
)
WHOLE = ("weekday", "departures")
FEATURES = (*TEXTS, *NUMBERS, *MEASURED, *WHOLE)


class Encoder:
    """Turns the columns into the numbers that the trees split on.

    A value that training never saw is missing, as a number that was not measured is: trees have a
    way for that, and serving goes on.
    """

    def __init__(self, levels: dict[str, list[str]]) -> None:
        self.levels = levels
        self._codes = {
            name: {value: float(code) for code, value in enumerate(known)}
            for name, known in levels.items()
        }

    @classmethod
    def learned_from(cls, frame: pd.DataFrame) -> Encoder:
        """Return an encoder that knows the values of this frame."""
        return cls({name: sorted(frame[name].unique()) for name in TEXTS})

    def matrix(self, frame: pd.DataFrame) -> np.ndarray:
        """Return one row of floats for each row of the frame."""
        matrix = np.empty((len(frame), len(FEATURES)))
        for place, name in enumerate(FEATURES):
            if name not in frame:
                matrix[:, place] = np.nan
            elif codes := self._codes.get(name):
                matrix[:, place] = [codes.get(value, np.nan) for value in frame[name].to_numpy()]
            else:
                matrix[:, place] = frame[name].to_numpy(dtype=float)
        return matrix


class LateModel(PythonModel):
    """Encoder and trees, versioned and served as one."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load what ``train.py`` saved. The server has verified its digest before."""
        file = Path(context.artifacts["kept"]) / "model.pickle"
        kept = pickle.loads(file.read_bytes())
        self.encoder, self.trees = Encoder(kept["levels"]), kept["trees"]

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> np.ndarray:
        """Return the probability of a late arrival for each row, in 0..1."""
        scores: np.ndarray = self.trees.predict_proba(self.encoder.matrix(model_input))[:, 1]
        return scores


# The file itself is kept with each version and run when that version is loaded, so that two
# versions in one process do not share their code.
set_model(LateModel())
