"""A baseline as SageMaker's own monitor suggests it, by a job that looks at the rows.

Takes ``bluewater[sagemaker]``. What is asked of a schedule is then put into what was suggested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
import pyarrow as pa

from blocks.cloud.named import make_named
from blocks.contracts import Conflict, Unavailable
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.baseline import settings_of
from blocks.providers.aws.errors import explain
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.processing_jobs import found_job, processing_name
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.sdk import job_settings, part
from blocks.providers.aws.watching_calls import CONSTRAINTS, STATISTICS

_ATTEMPTS = 3
_OPEN = frozenset({"InProgress", "Stopping"})
_DISK = 30  # gigabytes
_LIMIT = 3600  # seconds
_LOOK_AFTER = timedelta(minutes=1)
Told = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggesting:
    """What a suggestion takes: whose it is, and what the job runs as."""

    account: AwsAccount
    image: str
    machine: str

    def read(self, rows: pa.Table, *, home: str, token: str) -> tuple[Told, Told]:
        """Return the statistics and the constraints that a job suggests for some rows.

        Raises Unavailable until there are some, and Conflict if the job fails again and again.
        """
        objects = Objects(self.account.client("s3", attempts=READS))
        reason = ""
        for attempt in range(_ATTEMPTS):
            name = processing_name(self.account, f"{token}-{attempt}")
            job = found_job(self.account, name, patient=False)
            if job is not None and job["ProcessingJobStatus"] == "Completed":
                return _suggestion(objects, f"{home}/suggested")
            if job is None:
                objects.write(f"{home}/rows/rows.jsonl", _lines(rows))
                self._begin(name, home, token)
            if job is None or job["ProcessingJobStatus"] in _OPEN:
                raise Unavailable(
                    "SageMaker is looking at the rows to suggest a baseline; ask again",
                    code="SUGGESTING",
                    retry_after=_LOOK_AFTER,
                )
            reason = str(job.get("FailureReason", job["ProcessingJobStatus"]))
        raise Conflict(f"no baseline was suggested: {reason}", code="SUGGESTING")

    def _begin(self, name: str, home: str, token: str) -> None:
        settings = job_settings(self.account, self.machine, volume_gb=_DISK, token=token)
        monitor = part("core.model_monitor:DefaultModelMonitor")(
            **settings, max_runtime_in_seconds=_LIMIT
        )
        monitor.image_uri = self.image
        suggest = partial(
            monitor.suggest_baseline,
            baseline_dataset=f"{home}/rows/",
            dataset_format=part("core.model_monitor:DatasetFormat").json(lines=True),
            output_s3_uri=f"{home}/suggested",
            job_name=name,
            wait=False,
            logs=False,
        )
        look = partial(found_job, self.account, name)
        make_named(suggest, look, explain=explain, conflict_is_the_name=True)


def adjusted(
    suggested: tuple[Told, Told], rows: pa.Table, *, drift: bool, quality: bool, distance: float
) -> tuple[Told, Told]:
    """Return a suggestion that holds what is asked of a schedule, and no more.

    Days are counted alone: how callers write them is theirs to choose.
    """
    statistics, constraints = suggested
    days = {each.name for each in rows.schema if pa.types.is_temporal(each.type)}
    features = [
        _loose(each, untyped=each["name"] in days, quality=quality)
        for each in constraints["features"]
    ]
    settings = settings_of(drift=drift, quality=quality, distance=distance)
    counted = [_counted(each) if each["name"] in days else each for each in statistics["features"]]
    return (
        {**statistics, "features": counted},
        {**constraints, "features": features, "monitoring_config": settings},
    )


def _suggestion(objects: Objects, folder: str) -> tuple[Told, Told]:
    found = [objects.read(f"{folder}/{file}") for file in (STATISTICS, CONSTRAINTS)]
    statistics, constraints = (orjson.loads(each[0]) for each in found if each)
    return statistics, constraints


def _loose(constraint: Mapping[str, Any], *, untyped: bool, quality: bool) -> Told:
    left_out = {"num_constraints"} | (set() if quality and not untyped else {"string_constraints"})
    told = {key: each for key, each in constraint.items() if key not in left_out}
    if untyped:
        told["inferred_type"] = "Unknown"
    return told if quality else {**told, "completeness": 0.0}


def _counted(feature: Mapping[str, Any]) -> Told:
    told = feature["string_statistics"]
    common = {"common": told["common"], "distinct_count": told["distinct_count"]}
    return {"name": feature["name"], "inferred_type": "Unknown", "string_statistics": common}


def _lines(rows: pa.Table) -> bytes:
    return b"\n".join(orjson.dumps(row, option=orjson.OPT_UTC_Z) for row in rows.to_pylist())
