"""What jobs read from a bucket and leave in it, looked at before they start and after they end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from blocks.cloud.bucket import Bucket, Found
from blocks.contracts import BatchRequest, InvalidRequest, TrainingRequest
from blocks.serving.data_files import NO_ROWS, is_data_file
from blocks.workload import Outcome, UnreadableOutcome, outcome_name, parse_outcome


def data_is_object(bucket: Bucket, request: TrainingRequest) -> bool:
    """Return whether the data is one object. Raises InvalidRequest where there is nothing."""
    require_source(bucket, request.source_uri)
    return is_object(bucket, request.data_uri)


def require_source(bucket: Bucket, source: str) -> None:
    """Raise InvalidRequest, with the remedy, where there is no code."""
    if not any(bucket.below(source)):
        raise InvalidRequest(f"source_uri: there is no folder {source}", code="SOURCE")


def require_scorable(bucket: Bucket, request: BatchRequest) -> Iterator[Found]:
    """Return the files of a batch request, of which the first alone is looked for at once.

    Raises InvalidRequest, with the remedy, for a request that could never run.
    """
    data, output = request.data_uri.rstrip("/"), request.output_uri.rstrip("/")
    files = parquet_files(bucket, data)
    if (first := next(files, None)) is None:
        is_object(bucket, data)
        raise InvalidRequest(f"data_uri: {NO_ROWS.format(data)}", code="DATA")
    if not any(bucket.below(request.model.uri)):
        raise InvalidRequest(f"model: there is no folder {request.model.uri}", code="MODEL")
    if f"{output}/".startswith(f"{data}/"):
        raise InvalidRequest(
            f"output_uri: {output} is inside the data; it would be read as data the next time",
            code="OUTPUT",
        )
    return itertools.chain((first,), files)


def parquet_files(bucket: Bucket, data: str) -> Iterator[Found]:
    """Yield the Parquet files of a data set, which is a folder or one file, in name order."""
    single = True
    for each in bucket.below(data):
        single = False
        if is_data_file(each.name):
            yield each
    if single and (found := bucket.head(data)) is not None:
        yield found


def read_outcome(bucket: Bucket, folder: str, token: str) -> Outcome | None:
    """Return what a training job said last, below its output; None if it said nothing."""
    found = bucket.read(f"{folder}/{outcome_name(token)}")
    try:
        return None if found is None else parse_outcome(found[0])
    except UnreadableOutcome as error:
        return Outcome(ok=False, code="UNREADABLE_OUTCOME", message=str(error))


def read_request(bucket: Bucket, asked: str) -> BatchRequest | None:
    """Return the batch request that was written down at a URI, if it is still there."""
    found = bucket.read(asked)
    return BatchRequest.model_validate_json(found[0]) if found else None


def is_object(bucket: Bucket, data: str, *, field: str = "data_uri") -> bool:
    """Return whether there is one object, and no folder. Raises InvalidRequest for nothing."""
    if any(bucket.below(data)):
        return False
    if bucket.head(data) is None:
        raise InvalidRequest(f"{field}: there is nothing at {data}", code="DATA")
    return True
