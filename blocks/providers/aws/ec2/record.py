"""What is written down of every job in S3: EC2 forgets a machine an hour after its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from blocks.contracts import Conflict
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.s3 import Objects
from blocks.workload.instance.plan import JOB

_LAUNCH = "launch-"  # one file for each try to get a machine


class Record:
    """The files of one job."""

    def __init__(self, account: AwsAccount, name: str) -> None:
        self.uri = f"{_records(account)}/{name}"
        self._objects = Objects(account.client("s3", attempts=READS))

    def names(self) -> list[str]:
        """Return the names of the files there are, sorted."""
        return [found.name for found in self._objects.below(self.uri)]

    def content(self, name: str) -> bytes | None:
        """Return a file as it is, or None if it is not there."""
        found = self._objects.read(f"{self.uri}/{name}")
        return None if found is None else found[0]

    def read(self, name: str) -> dict[str, Any] | None:
        """Return what a file says, or None if it is not there."""
        content = self.content(name)
        return None if content is None else json.loads(content)

    def write_once(self, name: str, value: Mapping[str, Any]) -> dict[str, Any]:
        """Write a file that nobody wrote yet; return what is written, by us or by who was first."""
        content = json.dumps(value, sort_keys=True).encode()
        if self._objects.swap(f"{self.uri}/{name}", content, etag=None):
            return dict(value)
        found = self.read(name)
        if found is None:
            raise Conflict(f"{self.uri}/{name} was written and removed at this moment")
        return found


def launch_name(number: int) -> str:
    """Return the name of the file that tells what came of a try to get a machine."""
    return f"{_LAUNCH}{number:03d}.json"


def launches(names: list[str]) -> list[str]:
    """Return those of a record's files that tell of tries, the first one first."""
    return [name for name in names if name.startswith(_LAUNCH)]


def listed(account: AwsAccount) -> Iterator[tuple[str, datetime, list[str]]]:
    """Yield name, creation and files of every job of this owner, without reading them."""
    objects, found = (
        Objects(account.client("s3", attempts=READS)),
        dict[str, dict[str, datetime]](),
    )
    for each in objects.below(_records(account)):
        name, _, file = each.name.partition("/")
        if name.startswith(account.named("")):
            found.setdefault(name, {})[file] = each.modified
    for name, files in found.items():
        if JOB in files:
            yield name, files[JOB], sorted(files)


def _records(account: AwsAccount) -> str:
    return f"{account.root}/ec2"
