"""What the scoring script and who waits for its job write to each other. Light to import."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from blocks.cloud.batch_notes import Said
from blocks.cloud.bucket import Bucket

HOME = "BLUEWATER_BATCHES"  # folder in which there is one for each job, with its request
DIGEST = "BLUEWATER_MODEL_DIGEST"  # of the model of the deployment
ROOT_RUN = "AZUREML_ROOT_RUN_ID"  # of the job whose step runs the script
REQUEST = "request.json"
OVERDUE = "MAX_DURATION"  # code of a process that took longer than was allowed


class Told(Said):
    """The last words of one process of a job, written anew after each file."""

    done: Mapping[str, int] = {}  # rows by the name of the file
    of: int = 0  # files of the whole job


def told_below(home: str, job: str) -> str:
    """Return the folder for the last words of a job's processes."""
    return f"{home}/{job}/said"


def told_by_all(bucket: Bucket, home: str) -> list[Told]:
    """Return the last words that lie in a folder."""
    found = [bucket.read(each.uri) for each in bucket.below(home)]
    return [Told.model_validate_json(each[0]) for each in found if each]


def together(told: Iterable[Told]) -> Told | None:
    """Return what all processes said as one would have; None where none did."""
    every = list(told)
    if not every:
        return None
    done = {name: rows for each in every for name, rows in each.done.items()}
    failed = next((each for each in every if each.code), every[0])
    return Told(
        code=failed.code,
        message=failed.message,
        rows=sum(done.values()),
        cpu_seconds=sum(each.cpu_seconds for each in every),
        peak_memory_bytes=max(each.peak_memory_bytes for each in every),
        done=done,
        of=max(each.of for each in every),
    )
