"""The Open Inference Protocol, version 2, with JSON tensors: one input tensor per column.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from mlflow.models import ModelSignature

from blocks.serving.schema import Refused

DATATYPES = {
    "double": "FP64",
    "float": "FP32",
    "long": "INT64",
    "integer": "INT32",
    "string": "BYTES",
    "boolean": "BOOL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """The protocol's paths for one model."""

    about: frozenset[str]
    ready: frozenset[str]
    infer: frozenset[str]


def routes(name: str, version: str) -> Routes:
    """Return the paths, with and without the version."""
    bases = (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}")
    return Routes(
        about=frozenset(bases),
        ready=frozenset(f"{base}/ready" for base in bases),
        infer=frozenset(f"{base}/infer" for base in bases),
    )


def metadata(name: str, version: str, signature: ModelSignature | None) -> dict[str, Any]:
    """Describe the model's inputs and outputs."""
    inputs = signature.inputs.inputs if signature is not None and signature.inputs else []
    tensors = [
        {
            "name": str(spec.name),
            "datatype": DATATYPES.get(getattr(spec.type, "name", ""), "BYTES"),
            "shape": [-1],
        }
        for spec in inputs
    ]
    return {
        "name": name,
        "versions": [version],
        "platform": "mlflow",
        "inputs": tensors,
        "outputs": [{"name": "prediction", "datatype": "FP64", "shape": [-1]}],
    }


def parse(body: bytes) -> tuple[dict[str, list[Any]], str]:
    """Return the columns and the request's id. Raises Refused."""
    try:
        content = orjson.loads(body or b"null")
        tensors = content["inputs"]
        columns = {str(tensor["name"]): list(tensor["data"]) for tensor in tensors}
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Refused(
            400,
            "SHAPE",
            "the body is no inference request",
            field="inputs",
            remedy='send {"inputs": [{"name", "shape", "datatype", "data"}]}',
        ) from error
    for tensor in tensors:
        shape = tensor.get("shape")
        if not isinstance(shape, list) or shape[:1] != [len(columns[str(tensor["name"])])]:
            raise Refused(
                400,
                "SHAPE",
                f"shape {shape} does not fit the data of {tensor['name']!r}",
                field=str(tensor["name"]),
                remedy="send shape [number of rows]",
            )
    if len({len(values) for values in columns.values()}) > 1:
        raise Refused(400, "SHAPE", "the tensors differ in their number of rows", field="inputs")
    return columns, str(content.get("id", ""))


def answer(name: str, version: str, predictions: Sequence[Any], request_id: str) -> dict[str, Any]:
    """Return predictions as one output tensor."""
    texts = bool(predictions) and isinstance(predictions[0], str)
    return {
        "model_name": name,
        "model_version": version,
        "id": request_id,
        "outputs": [
            {
                "name": "prediction",
                "shape": [len(predictions)],
                "datatype": "BYTES" if texts else "FP64",
                "data": list(predictions),
            }
        ],
    }
