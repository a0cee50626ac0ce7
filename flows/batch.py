"""Score a data set with a registered version."""

from __future__ import annotations

from datetime import timedelta

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
from tasks.batch.naming import name_of
from tasks.batch.stage import score_in_turn

LONGEST = timedelta(hours=12)


@flow(name="batch", flow_run_name="batch {model}", log_prints=False)
def batch(
    platform: Platform,
    model: str,
    data: str,
    output: str,
    *,
    machine: str,
    alias: str = "champion",
    spot: bool = False,
    max_duration: timedelta = LONGEST,
    run: str = "",
) -> BatchResult:
    """Score every row of a Parquet data set with the version that an alias means.

    Asked again, it goes on where it was cut off, or says again what was found; other data at the
    same place, another version or another output are another run. Of runs into one output there is
    one at a time: the earlier one is brought to its end first.

    Args:
        platform: Where the version is registered, and where the work is done.
        model: Name of the model in the registry, e.g. flights.
        data: URI of the Parquet file or folder to score, e.g. s3://lake/week7/.
        output: URI of the folder for the predictions, e.g. s3://lake/scores/.
        machine: Machine type of the platform's provider, e.g. local.medium.
        alias: Which version: the name that the registry gives to it.
        spot: Use a machine that may be taken back; finished files are not scored again then.
        max_duration: Longest time that the job may take.
        run: Go on with the job of this name, whatever the data are now. Leave it empty else.
    """
    version = platform.connect(ModelRegistry).resolve(model, alias)
    if version is None:
        raise InvalidRequest(f"{model!r} has no alias {alias!r}; promote a version first")
    request = BatchRequest(
        model=version.model_copy(update={"url": ""}),  # a page may move, and asks for no new job
        data_uri=data,
        output_uri=output,
        machine=machine,
        spot=spot,
        max_duration=max_duration,
    )
    store = platform.connect(ObjectStore)
    name = run or name_of(store, request)
    return score_in_turn(platform.connect(BatchInference), store, request, run=name)
