"""The processing job by which SageMaker's monitor takes one look."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

_HOME = "/opt/ml/processing"


def to_processing_job(
    name: str,
    definition: Mapping[str, Any],
    folder: str,
    hours: Collection[str],
    place: str,
    *,
    times: tuple[float, float],
) -> dict[str, Any]:
    """Say what one look reads and writes; ``hours`` are folders of captures below ``folder``."""
    application = definition["DataQualityAppSpecification"]
    baseline = definition["DataQualityBaselineConfig"]
    local = definition["DataQualityJobInput"]["EndpointInput"]["LocalPath"]
    [output] = definition["DataQualityJobOutputConfig"]["MonitoringOutputs"]
    files = {
        "baseline_constraints": baseline["ConstraintsResource"]["S3Uri"],
        "baseline_statistics": baseline["StatisticsResource"]["S3Uri"],
        "record_preprocessor_script": application.get("RecordPreprocessorSourceUri", ""),
    }
    there = {variable: uri for variable, uri in files.items() if uri}
    return {
        "ProcessingJobName": name,
        "ProcessingInputs": [
            *(_input(f"{folder}/{each}/", f"{local}/{each}") for each in sorted(hours)),
            *(_input(uri, f"{_HOME}/{variable}") for variable, uri in there.items()),
        ],
        "ProcessingOutputConfig": {"Outputs": [_output(output["S3Output"], place)]},
        "ProcessingResources": definition["JobResources"],
        "StoppingCondition": definition.get("StoppingCondition", {"MaxRuntimeInSeconds": 3600}),
        "AppSpecification": {"ImageUri": application["ImageUri"]},
        "Environment": {
            **application.get("Environment", {}),
            "dataset_source": local,
            "output_path": output["S3Output"]["LocalPath"],
            **_times(*times),
            **{
                variable: f"{_HOME}/{variable}/{uri.rpartition('/')[2]}"
                for variable, uri in there.items()
            },
        },
        "RoleArn": definition["RoleArn"],
    }


def _output(told: Mapping[str, Any], place: str) -> dict[str, Any]:
    uri = f"{told['S3Uri'].rstrip('/')}/{place}"
    return {"OutputName": "result", "S3Output": {**told, "S3Uri": uri}}


def _times(*seconds: float) -> dict[str, str]:
    words = (f"{datetime.fromtimestamp(each, UTC):%Y-%m-%dT%H:%M:%SZ}" for each in seconds)
    return dict(zip(("start_time", "end_time"), words, strict=True))


def _input(uri: str, local: str) -> dict[str, Any]:
    source = {"S3Uri": uri, "LocalPath": local, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": local.rpartition("/")[2], "S3Input": source}
