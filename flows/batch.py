"""Score a data set with a registered version."""

from __future__ import annotations

from prefect import flow

from blocks.contracts import (
    BatchInference,
    BatchRequest,
    BatchResult,
    InvalidRequest,
    ModelRegistry,
    ObjectStore,
)
from blocks.platform import Platform
from tasks.batch.record import a_scoring
from tasks.batch.stage import score_data


@flow(name="batch", flow_run_name="batch {model}", log_prints=False)
def batch(
    platform: Platform,
    model: str,
    data: str,
    output: str,
    *,
    machine: str,
    alias: str = "champion",
    run: str = "",
) -> BatchResult:
    """Score every row of a Parquet data set with the version that an alias means.

    Started again with the same ``run`` (default: made from what is asked), it goes on where it was.

    Args:
        platform: Where the version is registered, and where the work is done.
        model: Name of the model in the registry.
        data: URI of the Parquet file or folder to score.
        output: URI of the folder for the predictions.
        machine: Machine type of the platform's provider, e.g. local.medium.
        alias: Which version: the name that the registry gives to it.
        run: Go on with the job of this name.
    """
    version = platform.connect(ModelRegistry).resolve(model, alias)
    if version is None:
        raise InvalidRequest(f"{model!r} has no alias {alias!r}; promote a version first")
    request = BatchRequest(model=version, data_uri=data, output_uri=output, machine=machine)
    name = run or f"batch-{model}-{version.version}"
    with a_scoring(platform.connect(ObjectStore), name, output):
        return score_data(platform.connect(BatchInference), request, run=name)
