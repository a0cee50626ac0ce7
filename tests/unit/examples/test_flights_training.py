"""Training the example, as every provider runs it: a process, an environment, an outcome."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from blocks.workload import INTERRUPTED_EXIT, digest, outcome_name, parse_outcome
from examples.flights import prepare as flights_of_2013

EXAMPLE = Path(flights_of_2013.__file__).parent
ROOT = EXAMPLE.parents[1]
WITHIN = 120.0  # seconds, for anything


class Trainer:
    """Runs ``train.py`` out of a copy of its folder, with nothing around it but the kit."""

    def __init__(self, folder: Path, data: Path, **parameters: str) -> None:
        self.folder, self.progress = folder, folder / "progress.json"
        shutil.copytree(EXAMPLE / "code", folder / "code")
        self.output = folder / "output"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "BLUEWATER_DATA": str(data),
            "BLUEWATER_CHECKPOINTS": str(folder / "checkpoints"),
            "BLUEWATER_OUTPUT": str(self.output),
            "BLUEWATER_PROGRESS": str(self.progress),
            "BLUEWATER_PARAMETERS": json.dumps(parameters),
            "BLUEWATER_CHECKPOINT_INTERVAL": "0.001",
        }

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "train.py"],
            cwd=self.folder / "code",
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def whole(self) -> str:
        return finished(self.start(), code=0)

    def interrupted(self, number: signal.Signals) -> str:
        process = self.start()
        until = time.monotonic() + WITHIN
        while process.poll() is None and time.monotonic() < until and self.done() < 10:
            time.sleep(0.01)
        process.send_signal(number)
        return finished(process, code=-9 if number is signal.SIGKILL else INTERRUPTED_EXIT)

    def done(self) -> float:
        try:
            return float(json.loads(self.progress.read_text())["done"])
        except FileNotFoundError:
            return 0.0

    @property
    def model(self) -> Any:
        return mlflow.pyfunc.load_model(str(self.output / "model"))


def finished(process: subprocess.Popen[str], *, code: int) -> str:
    try:
        output, _ = process.communicate(timeout=WITHIN)
    finally:
        process.kill()
    assert process.returncode == code, output
    return output


@pytest.fixture(scope="module")
def some_flights(flights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("some") / "train.parquet"
    table = pq.read_table(flights / "train.parquet")
    pq.write_table(table.take(list(range(0, len(table), 10))), file)
    return file


@pytest.fixture(scope="module")
def trained(some_flights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trainer]:
    trainer = Trainer(tmp_path_factory.mktemp("trained"), some_flights, rounds="30")
    trainer.whole()
    yield trainer


@pytest.fixture(scope="module")
def holdout(flights: Path) -> pd.DataFrame:
    return pd.read_parquet(flights / "holdout.parquet")


def test_a_trained_model_tells_late_flights_from_others(
    trained: Trainer, holdout: pd.DataFrame
) -> None:
    scores = trained.model.predict(holdout)
    assert scores.min() >= 0
    assert scores.max() <= 1
    assert roc_auc_score(holdout["late"], scores) > 0.65
    assert np.mean(scores) == pytest.approx(holdout["late"].mean(), abs=0.03)


def test_the_outcome_names_the_model_and_its_digest(trained: Trainer) -> None:
    outcome = parse_outcome((trained.output / outcome_name("")).read_bytes())
    assert outcome.ok
    assert outcome.digest == digest(trained.output / "model")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_training_ends_in_the_same_model(
    trained: Trainer,
    holdout: pd.DataFrame,
    some_flights: Path,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    trainer = Trainer(tmp_path, some_flights, rounds="30")
    trainer.interrupted(number)
    assert "resumed after" in trainer.whole()
    whole, resumed = trained.model.predict(holdout), trainer.model.predict(holdout)
    assert np.array_equal(whole, resumed)


def test_values_that_training_never_saw_are_answered(
    trained: Trainer, holdout: pd.DataFrame
) -> None:
    strange = holdout.head(3).assign(carrier="ZZ", dest="???", temperature=np.nan)
    assert np.isfinite(trained.model.predict(strange)).all()


def test_what_was_not_measured_may_be_left_out(trained: Trainer, holdout: pd.DataFrame) -> None:
    some = holdout.head(5).assign(pressure=np.nan)
    left_out = trained.model.predict(some.drop(columns=["pressure"]))
    assert np.array_equal(left_out, trained.model.predict(some))


def test_the_sample_request_fits_the_signature(trained: Trainer) -> None:
    request = json.loads((EXAMPLE / "request.json").read_text())
    frame = pd.DataFrame(request["dataframe_records"])
    assert set(frame) == set(trained.model.metadata.get_input_schema().input_names())
    scores = trained.model.predict(frame)  # MLflow refuses what does not fit
    assert len(scores) == 2
    assert all(0 <= score <= 1 for score in scores)
