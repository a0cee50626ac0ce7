"""The Open Inference Protocol, version 2, with JSON tensors: one input tensor per column.

https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/inference_rest.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mlflow.models import ModelSignature

from blocks.serving.refused import Refused
from blocks.serving.schema import ColumnSchema, Schema, TensorSchema

REMEDY = 'send {"inputs": [{"name", "shape", "datatype", "data"}]}'
WIDTHS = {"UINT": (8, 16, 32, 64), "INT": (8, 16, 32, 64), "FP": (16, 32, 64)}
DATATYPES = {"BOOL", "BYTES", *(f"{kind}{bits}" for kind in WIDTHS for bits in WIDTHS[kind])}
_NUMPY = {"f": "FP", "i": "INT", "u": "UINT"}


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


def metadata(
    name: str, version: str, schema: Schema, signature: ModelSignature | None
) -> dict[str, Any]:
    """Describe the model's inputs and outputs."""
    return {
        "name": name,
        "versions": [version],
        "platform": "mlflow",
        "inputs": _inputs(schema),
        "outputs": _outputs(signature),
    }


def _inputs(schema: Schema) -> list[dict[str, Any]]:
    if isinstance(schema, ColumnSchema):
        return [_tensor(column.name, column.kind.tensor, [-1]) for column in schema.columns]
    if isinstance(schema, TensorSchema):
        return [
            _tensor(name or "inputs", _datatype(np.dtype(dtype)), list(shape))
            for name, (dtype, shape) in schema.tensors.items()
        ]
    return []


def _outputs(signature: ModelSignature | None) -> list[dict[str, Any]]:
    outputs = signature.outputs if signature is not None else None
    if outputs is None:
        return [_tensor("prediction", "FP64", [-1])]
    if outputs.is_tensor_spec():
        return [
            _tensor(spec.name or "prediction", _datatype(spec.type), list(spec.shape))
            for spec in outputs.inputs
        ]
    kinds = {"long": "INT64", "integer": "INT32", "boolean": "BOOL", "float": "FP32"}
    kinds |= {"double": "FP64"}
    return [
        _tensor(
            spec.name if outputs.has_input_names() else "prediction",
            kinds.get(getattr(spec.type, "name", ""), "BYTES"),
            [-1],
        )
        for spec in outputs.inputs
    ]


def _tensor(name: str, datatype: str, shape: list[int]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape}


def _datatype(dtype: np.dtype[Any]) -> str:
    if dtype.kind == "b":
        return "BOOL"
    prefix = _NUMPY.get(dtype.kind)
    return f"{prefix}{dtype.itemsize * 8}" if prefix else "BYTES"


def columns(content: Mapping[str, Any]) -> Mapping[str, Sequence[Any]]:
    """Return the columns of a decoded request. Raises Refused."""
    tensors = content.get("inputs")
    if not isinstance(tensors, list) or not tensors:
        message = "the body is no inference request"
        raise Refused(400, "SHAPE", message, field="inputs", remedy=REMEDY)
    found: dict[str, Any] = {}
    for tensor in tensors:
        name, data = _named(tensor)
        if name in found:
            message = f"{name[:100]!r} is there twice"
            raise Refused(400, "SHAPE", message, field=name[:100], remedy="send each tensor once")
        found[name] = _shaped(name, data, tensor.get("shape"))
    if len({len(values) for values in found.values()}) > 1:
        message = "the tensors differ in their number of rows"
        raise Refused(400, "SHAPE", message, field="inputs", remedy="send as many of each")
    return found


def _named(tensor: Any) -> tuple[str, list[Any]]:
    name = tensor.get("name") if isinstance(tensor, dict) else None
    if not isinstance(name, str) or not isinstance(tensor.get("data"), list):
        message = "a tensor needs a name and data"
        raise Refused(400, "SHAPE", message, field=str(name or "inputs")[:100], remedy=REMEDY)
    if (datatype := str(tensor.get("datatype"))) not in DATATYPES:
        message = f"{datatype[:20]!r} of {name[:100]!r} is no datatype"
        remedy = f"send one of {', '.join(sorted(DATATYPES))}"
        raise Refused(400, "DATATYPE", message, field=name[:100], remedy=remedy)
    return name, tensor["data"]


def _shaped(name: str, data: list[Any], shape: Any) -> list[Any]:
    """Return the data by row. It comes flat or nested; a column may come as [rows] or [rows, 1]."""
    whole = (
        isinstance(shape, list)
        and bool(shape)
        and all(isinstance(size, int) and not isinstance(size, bool) for size in shape)
    )
    try:
        flat = np.fromiter(_flat(data), dtype=object)
        if not whole or flat.size != int(np.prod(shape)) or min(shape) < 0:
            raise ValueError
    except (ValueError, RecursionError) as error:
        message = f"shape {str(shape)[:50]} does not fit the data of {name[:100]!r}"
        remedy = "send a shape whose product is the number of values"
        raise Refused(400, "SHAPE", message, field=name[:100], remedy=remedy) from error
    if all(size == 1 for size in shape[1:]):
        return list(flat)
    rows: list[Any] = flat.reshape(shape).tolist()
    return rows


def _flat(data: list[Any]) -> Any:
    for value in data:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def answer(
    name: str, version: str, predictions: Any, request_id: str, names: Sequence[str]
) -> dict[str, Any]:
    """Return predictions as output tensors; ``names`` are the signature's, where they fit."""
    outputs = _by_output(predictions)
    if len(names) == len(outputs):
        outputs = dict(zip(names, outputs.values(), strict=True))
    return {
        "model_name": name,
        "model_version": version,
        "id": request_id,
        "outputs": [_answered(output, values) for output, values in outputs.items()],
    }


def _by_output(predictions: Any) -> dict[str, list[Any]]:
    if isinstance(predictions, dict):
        return {
            str(name): values if isinstance(values, list) else [values]
            for name, values in predictions.items()
        }
    rows = predictions if isinstance(predictions, list) else [predictions]
    if rows and isinstance(rows[0], dict):
        return {str(name): [row.get(name) for row in rows] for name in rows[0]}
    return {"prediction": rows}


def _answered(name: str, values: list[Any]) -> dict[str, Any]:
    flat = list(_flat(values))
    kinds = {type(value) for value in flat if value is not None}
    if kinds == {bool}:
        datatype = "BOOL"
    elif kinds == {int}:
        datatype = "INT64"
    elif kinds <= {int, float}:
        datatype = "FP64"
    else:
        datatype, flat = "BYTES", [str(value) for value in flat]
    width = len(values[0]) if values and isinstance(values[0], list) else 0
    even = bool(width) and len(flat) == len(values) * width
    shape = [len(values), width] if even else [len(flat)]
    return {"name": name, "shape": shape, "datatype": datatype, "data": flat}
