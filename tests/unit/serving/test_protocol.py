"""The Open Inference Protocol, and models of other kinds, answered as MLflow answers them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import mlflow.sklearn
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import Schema, TensorSpec
from sklearn.linear_model import LogisticRegression

from blocks.testing.waiting import until
from tests.unit.serving.servers import Server, coded, serving

FRAME = pd.DataFrame({"a": np.linspace(-1, 1, 40), "b": np.linspace(1, 0, 40)})
TENSORS = """\
class Sums:
    def predict(self, array, params=None):
        return {"sum": array.sum(axis=1), "twice": array * 2}

def _load_pyfunc(path):
    return Sums()
"""


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real scikit-learn model that was saved to answer with probabilities."""
    place = tmp_path_factory.mktemp("classifier")
    trained = LogisticRegression().fit(FRAME, FRAME["a"] > 0)
    mlflow.sklearn.save_model(
        trained,
        place / "model",
        signature=infer_signature(FRAME, trained.predict_proba(FRAME)),
        pyfunc_predict_fn="predict_proba",
        pip_requirements=["scikit-learn"],
        serialization_format="cloudpickle",
    )
    with serving(place, place / "model") as server:
        yield server


@pytest.fixture(scope="module")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A model of arrays with two named outputs."""
    place = tmp_path_factory.mktemp("tensors")
    signature = ModelSignature(inputs=Schema([TensorSpec(np.dtype("float32"), (-1, 3))]))
    with serving(place, coded(place / "model", TENSORS, signature)) as server:
        yield server


def tensor(name: str, datatype: str, *data: Any, shape: Any = None) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape or [len(data)], "data": list(data)}


PROBE = [
    tensor("x", "FP64", 0.25, 0.5),
    tensor("n", "INT64", 1, 2, shape=[2, 1]),
    tensor("city", "BYTES", "Oslo", "Bergen"),
    tensor("open", "BOOL", True, False),
]


@pytest.mark.parametrize("path", ["/v2/models/probe/infer", "/v2/models/probe/versions/7/infer"])
def test_tensors_are_answered_by_name(server: Server, path: str) -> None:
    answer = server.post({"id": "q-1", "inputs": PROBE}, path)
    assert answer.status_code == 200
    assert answer.headers["x-request-id"] == "q-1"
    assert answer.json() == {
        "model_name": "probe",
        "model_version": "7",
        "id": "q-1",
        "outputs": [{"name": "share", "shape": [2], "datatype": "FP64", "data": [0.25, 0.5]}],
    }


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ([*PROBE[1:], tensor("x", "FP64", "high", "low")], "x"),
        ([*PROBE, tensor("colour", "BYTES", "red", "blue")], "colour"),
        (PROBE[1:], "x"),
        ([*PROBE, PROBE[0]], "x"),
        ([*PROBE[1:], tensor("x", "FP64", 0.5)], "inputs"),
        ([*PROBE[1:], tensor("x", "FP64", 0.5, 0.5, shape=[3])], "x"),
        ([*PROBE[1:], tensor("x", "FP65", 0.5, 0.5)], "x"),
        ([], "inputs"),
        ("all", "inputs"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(
    server: Server, inputs: Any, field: str
) -> None:
    answer = server.post({"inputs": inputs}, "/v2/models/probe/infer")
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v2", 200),
        ("/v2/health/live", 200),
        ("/v2/health/ready", 200),
        ("/v2/models/probe", 200),
        ("/v2/models/probe/versions/7", 200),
        ("/v2/models/probe/ready", 200),
        ("/v2/models/other", 404),
        ("/v2/models/probe/versions/8", 404),
    ],
)
def test_the_protocol_has_its_paths(server: Server, path: str, status: int) -> None:
    assert server.get(path).status_code == status


def test_the_model_is_described_by_its_signature(server: Server) -> None:
    about = server.get("/v2/models/probe").json()
    assert about["versions"] == ["7"]
    assert {each["name"]: each["datatype"] for each in about["inputs"]} | {
        each["name"]: each["datatype"] for each in about["outputs"]
    } == {
        "x": "FP64",
        "n": "INT64",
        "city": "BYTES",
        "open": "BOOL",
        "maybe": "FP64",
        "day": "BYTES",
        "note": "BYTES",
        "share": "FP64",
    }


def test_binary_tensors_are_refused(server: Server) -> None:
    answer = server.post(
        {"inputs": PROBE}, "/v2/models/probe/infer", inference_header_content_length="10"
    )
    assert answer.status_code == 415


def test_the_function_a_model_was_saved_with_is_the_one_that_answers(classifier: Server) -> None:
    rows = FRAME.head(3)
    answer = classifier.post(split(rows))
    loaded = mlflow.pyfunc.load_model(str(classifier.config.model_folder))
    assert np.array(answer.json()["predictions"]) == pytest.approx(loaded.predict(rows))
    kept = classifier.kept(answer.headers["x-request-id"])
    assert [row["prediction"] for row in kept] == pytest.approx(loaded.predict(rows)[:, 1])
    assert [json.loads(row["answer"]) for row in kept] == answer.json()["predictions"]


def split(frame: pd.DataFrame) -> dict[str, Any]:
    return {"dataframe_split": {"columns": list(frame.columns), "data": frame.to_numpy().tolist()}}


@pytest.mark.parametrize("form", ["instances", "inputs"])
def test_arrays_are_answered_with_every_output(tensors: Server, form: str) -> None:
    answer = tensors.post({form: [[1, 2, 3], [0.5, 0, 0]]})
    assert answer.json() == {
        "predictions": {"sum": [6.0, 0.5], "twice": [[2.0, 4.0, 6.0], [1.0, 0.0, 0.0]]}
    }
    kept = tensors.kept(answer.headers["x-request-id"])
    assert [json.loads(row["answer"]) for row in kept] == [
        {"sum": 6.0, "twice": [2.0, 4.0, 6.0]},
        {"sum": 0.5, "twice": [1.0, 0.0, 0.0]},
    ]
    counted = until(lambda: {name for tick in tensors.ticks() for name in tick.predictions})
    assert {"sum=6.0e+00", "twice=[2.0, 4.0, 6.0]"} <= counted


def test_arrays_come_by_the_protocol_too(tensors: Server) -> None:
    given = tensor("input-0", "FP32", 1, 2, 3, 4, 5, 6, shape=[2, 3])
    answer = tensors.post({"inputs": [given]}, "/v2/models/probe/infer").json()
    found = {each["name"]: (each["shape"], each["data"]) for each in answer["outputs"]}
    assert found == {"sum": ([2], [6.0, 15.0]), "twice": ([2, 3], [2.0, 4, 6, 8, 10, 12])}


@pytest.mark.parametrize(
    "rows", [[[1, 2]], [[1, 2, 3], [1, 2]], [["a", "b", "c"]], [1, 2, 3], [], [[1, 2, None]]]
)
def test_arrays_of_another_shape_are_refused(tensors: Server, rows: Any) -> None:
    assert tensors.post({"instances": rows}).status_code == 400
    until(lambda: tensors.get("/live").status_code == 200)
