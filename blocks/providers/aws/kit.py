"""The workload kit as a machine gets it, from the account's bucket."""

from __future__ import annotations

from blocks.cloud import kit
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.s3 import Objects


def shipped(account: AwsAccount) -> str:
    """See that the kit is in the account's bucket; return its URI."""
    return kit.shipped(Objects(account.client("s3", attempts=4)), account.root)
