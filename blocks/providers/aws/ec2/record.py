"""What is written down of every job in S3: EC2 forgets a machine an hour after its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from blocks.contracts import Conflict
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import explain
from blocks.providers.aws.objects import read_object, split
from blocks.workload.instance.plan import JOB

_READS = 4
_LAUNCH = "launch-"  # one file for each try to get a machine


class Record:
    """The files of one job."""

    def __init__(self, account: AwsAccount, name: str) -> None:
        self.uri = f"{records(account)}/{name}"
        self._s3 = account.client("s3", attempts=_READS)

    def names(self) -> list[str]:
        """Return the names of the files there are, sorted."""
        bucket, prefix = split(f"{self.uri}/")
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        found = [each["Key"] for page in pages for each in page.get("Contents", ())]
        return [str(key).removeprefix(prefix) for key in found]

    def read(self, name: str) -> dict[str, Any] | None:
        """Return a file's content, or None if it is not there."""
        content = read_object(self._s3, f"{self.uri}/{name}")
        return None if content is None else json.loads(content)

    def write_once(self, name: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """Write a file that nobody wrote yet; return what is written, by us or by who was first."""
        bucket, key = split(f"{self.uri}/{name}")
        body = json.dumps(value, sort_keys=True).encode()
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except ClientError as error:
            if not isinstance(explain(error), Conflict):
                raise
            found = self.read(name)
            if found is None:
                raise
            return found
        return dict(value)


def launch_name(number: int) -> str:
    """Return the name of the file that tells what came of a try to get a machine."""
    return f"{_LAUNCH}{number:03d}.json"


def launches(names: list[str]) -> list[str]:
    """Return those of a record's files that tell of tries, the first one first."""
    return [name for name in names if name.startswith(_LAUNCH)]


def records(account: AwsAccount) -> str:
    """Return the folder with the records of all jobs."""
    return f"{account.root}/ec2"


def listed(account: AwsAccount) -> Iterator[tuple[str, datetime, list[str]]]:
    """Yield name, creation and files of every job of this owner, without reading them."""
    s3 = account.client("s3", attempts=_READS)
    bucket, prefix = split(f"{records(account)}/{account.named('')}")
    cut = len(prefix) - len(account.named(""))
    found: dict[str, dict[str, datetime]] = {}
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    for page in pages:
        for each in page.get("Contents", ()):
            name, _, file = str(each["Key"])[cut:].partition("/")
            found.setdefault(name, {})[file] = each["LastModified"]
    for name, files in found.items():
        if JOB in files:
            yield name, files[JOB], sorted(files)
