"""Models of several classes and of a quantity: answered, counted and kept, variant by variant."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from blocks.contracts import (
    Capture,
    Endpoints,
    ModelVersion,
    Monitor,
    ObjectStore,
    Traffic,
    VariantRequest,
    Window,
)
from blocks.providers.databricks.endpoint_levers import MACHINE
from blocks.providers.databricks.inference_table import captured_rows, to_parquet
from blocks.serving.answers import prediction_bucket
from blocks.testing.deploying import up_to
from blocks.testing.waiting import until
from blocks.workload import digest
from blocks.workload.digests import files
from tests.unit.evaluation.test_kinds import flowers, patients, save

NAME, ASKED = "kinds", 20  # the endpoint, and requests to each variant, of one row each
CHANCES = {"pyfunc_predict_fn": "predict_proba"}
KINDS: dict[str, tuple[Callable[[], pd.DataFrame], Any, Any, dict[str, Any]]] = {
    "several classes": (flowers, DummyClassifier(), LogisticRegression(max_iter=500), CHANCES),
    "a quantity": (patients, DummyRegressor(), Ridge(alpha=0.1), {}),
}


def served(bench: Any, folder: Path, variant: str) -> VariantRequest:
    """Return the request for a model whose folder is brought to the volume."""
    store = bench.connect(ObjectStore)
    uri = f"{store.root}/{NAME}/{variant}"
    for name in files(folder):
        store.upload(folder / name, f"{uri}/{name}")
    return VariantRequest(
        endpoint=NAME,
        variant=variant,
        model=ModelVersion(name=NAME, version=variant, uri=uri, digest=digest(folder)),
        machine=MACHINE,
        capture=Capture(sample=1.0),
    )


def values(model: Any, rows: pd.DataFrame) -> Sequence[Any]:
    """Return what is kept of the answers: the place of the likeliest class, or the number."""
    if hasattr(model, "predict_proba"):
        return [str(place) for place in model.predict_proba(rows).argmax(axis=1)]
    return [float(each) for each in model.predict(rows)]


def captured(bench: Any, window: Window) -> pd.DataFrame:
    store, found = bench.connect(ObjectStore), bench.connect(Monitor).captures(NAME, window)
    tables = [pq.read_table(io.BytesIO(store.read(each.uri))).to_pandas() for each in found]
    return pd.concat(tables) if tables else pd.DataFrame({"variant": []})


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_counted_and_kept_by_variant(bench: Any, kind: str, tmp_path: Path) -> None:
    made, champion, challenger, saved = KINDS[kind]
    rows, models = made(), {"blue": champion, "green": challenger}
    endpoints, monitor = bench.connect(Endpoints), bench.connect(Monitor)
    asked = rows.iloc[1::2].drop(columns=["target", "half"]).sample(ASKED, random_state=3)
    since = datetime.now(UTC) - timedelta(seconds=5)
    for variant, model in models.items():
        folder = save(tmp_path / variant / "model", model, rows.iloc[::2], **saved)
        up_to(bench, endpoints, served(bench, folder, variant))
    split = Traffic(percent={"blue": 50, "green": 50})
    endpoints.shift(NAME, split, since=endpoints.traffic(NAME))
    for variant in models:
        for row in asked.to_dict(orient="records"):
            answer = endpoints.predict(NAME, {"dataframe_records": [row]}, variant=variant)
            assert answer.status == 200, answer.body

    def window() -> Window:
        return Window(start=since, end=datetime.now(UTC) + timedelta(seconds=5))

    until(lambda: sum(each.requests for each in monitor.ticks(NAME, window())) == 2 * ASKED)
    until(lambda: len(captured(bench, window())) == 2 * ASKED)
    ticks, kept = monitor.ticks(NAME, window()), captured(bench, window()).sort_values("at")
    for variant, model in models.items():
        wanted, counted = values(model, asked), Counter[str]()
        alike = pytest.approx if isinstance(wanted[0], float) else list
        assert list(kept["prediction"][kept["variant"] == variant]) == alike(wanted)
        for each in ticks:
            counted.update(each.predictions if each.variant == variant else {})
        assert counted == Counter(map(prediction_bucket, wanted))


@pytest.mark.parametrize(
    ("predictions", "kept", "column"),
    [
        ([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]], ["1", "0"], pa.string()),
        (
            [{"cat": 0.1, "dog": 0.7, "owl": 0.2}, {"cat": 1, "dog": 0, "owl": 0}],
            ["dog", "cat"],
            pa.string(),
        ),
        (["owl", "cat"], ["owl", "cat"], pa.string()),
        ([12.5, -3], [12.5, -3.0], pa.float64()),
        ([[0.9, 0.1], [0.2, 0.8]], [0.1, 0.8], pa.float64()),
    ],
)
def test_a_table_has_of_an_answer_what_a_file_has(
    predictions: list[Any], kept: list[Any], column: pa.DataType
) -> None:
    row = {
        "databricks_request_id": "1",
        "request_time": "2026-03-01T00:00:00Z",
        "status_code": "200",
        "execution_duration_ms": "3",
        "request": json.dumps({"dataframe_records": [{"x": 1}, {"x": 2}]}),
        "response": json.dumps({"predictions": predictions}),
        "requester": "flows",
        "served_entity_name": "blue",
    }
    found = pq.read_table(io.BytesIO(to_parquet(captured_rows(row))))["prediction"]
    assert (found.to_pylist(), found.type) == (kept, column)
