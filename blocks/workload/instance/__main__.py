"""``python -m blocks.workload.instance RECORD``: do what the job in that record asks for."""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from functools import partial
from pathlib import Path

from blocks.workload.instance.bucket import Bucket
from blocks.workload.instance.plan import ENDED, JOB, ORDER, Reason, plan_of
from blocks.workload.instance.work import Work

_TAKEN_WITHIN = 300.0  # seconds from a notice, which comes two minutes before


def main(record: str) -> None:
    """Do one job, unless somebody called it off before it began."""
    boto3, config = importlib.import_module("boto3"), importlib.import_module("botocore.config")
    retries = config.Config(retries={"mode": "standard", "total_max_attempts": 8})
    bucket = Bucket(boto3.client("s3", config=retries))
    content = bucket.read(f"{record}/{JOB}")
    if content is None or bucket.read(f"{record}/{ORDER}") is not None:
        return
    plan = plan_of(json.loads(content)["plan"])
    client = partial(boto3.client, region_name=plan.region, config=retries)
    home = Path(os.environ.get("BLUEWATER_ROOT") or "/") / "var/lib/bluewater/job"
    ended = Work(plan, record, home, client).to_its_end()
    bucket.write(f"{record}/{ENDED}", ended.to_json())
    if ended.reason is Reason.NOTICE:
        # What EC2 takes back within its first hour costs nothing; what goes by itself is billed.
        time.sleep(_TAKEN_WITHIN)


if __name__ == "__main__":
    main(sys.argv[1])
