"""The endpoint that Clarify starts for a model while it asks it, and what it is asked with."""

from __future__ import annotations

import io
import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
import numpy as np
import pandas as pd

from blocks.providers.aws.emulator.clarify_shap import Predict

Told = Mapping[str, Any]
_PLAIN = "predictions"
_LOOK_EVERY = 0.05


def fetched(uri: str) -> pd.DataFrame:
    """Return the rows of a file in S3."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    body = boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return pd.read_parquet(io.BytesIO(body))


@contextmanager
def predictor(told: Told) -> Iterator[Predict]:
    """Start an endpoint for a model, lend what asks it, and take it down after."""
    sagemaker, runtime = boto3.client("sagemaker"), boto3.client("sagemaker-runtime")
    name = f"{told['endpoint_name_prefix']}-{uuid.uuid4().hex[:8]}"
    variant = {
        "VariantName": "variant",
        "ModelName": told["model_name"],
        "InstanceType": told["instance_type"],
        "InitialInstanceCount": told["initial_instance_count"],
    }
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    try:
        _await(sagemaker, name)
        yield lambda rows: _asked(runtime, name, told, rows)
    finally:
        sagemaker.delete_endpoint(EndpointName=name)
        sagemaker.delete_endpoint_config(EndpointConfigName=name)


def _await(sagemaker: Any, name: str) -> None:
    while True:
        there = sagemaker.describe_endpoint(EndpointName=name)
        if there["EndpointStatus"] == "InService":
            return
        if there["EndpointStatus"] == "Failed":
            raise SystemExit(f"the endpoint of the model failed: {there.get('FailureReason')}")
        time.sleep(_LOOK_EVERY)


def _asked(
    runtime: Any, name: str, told: Told, rows: Sequence[Told]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    if told.get("content_type") != "application/json" or told["record_template"] != "$features_kvp":
        raise SystemExit("emulated are JSON records of named features alone")
    records = json.dumps([dict(row) for row in rows], default=_plain)
    reply = runtime.invoke_endpoint(
        EndpointName=name,
        Body=told["content_template"].replace("$records", records).encode(),
        ContentType=told["content_type"],
        Accept=told["accept_type"],
    )
    if (words := told.get("probability", told.get("label"))) != _PLAIN:
        raise SystemExit(f"not emulated: {words} in answers")
    return np.asarray(json.loads(reply["Body"].read())[_PLAIN], dtype=float)


def _plain(value: Any) -> Any:
    """Return a number of numpy's as JSON has it."""
    return value.item()
