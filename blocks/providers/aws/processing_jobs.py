"""SageMaker's processing jobs by name, whatever they process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import code_of
from blocks.providers.aws.lookup import READS, UNKNOWN, look_for

_OPEN = "InProgress"
_MARK = "p-"  # batch inference takes the plain token


def processing_name(account: AwsAccount, token: str) -> str:
    """Return the name of the job that runs a command."""
    return account.named(f"{_MARK}{token}")


def runs_a_command(account: AwsAccount, name: str) -> bool:
    """Whether that is the name of a job that runs a command, and not of batch inference."""
    return name.startswith(processing_name(account, ""))


def found_job(account: AwsAccount, name: str, *, patient: bool = True) -> Mapping[str, Any] | None:
    """Return a job's description, or None if there is none; if patient, look again."""
    describe = account.client("sagemaker", attempts=READS).describe_processing_job
    return look_for(describe, "ProcessingJobName", name, patient=patient)


def is_open(job: Mapping[str, Any]) -> bool:
    """Whether it may still be stopped."""
    return bool(job["ProcessingJobStatus"] == _OPEN)


def stop_job(account: AwsAccount, name: str) -> None:
    """Stop a job. One that has ended in the meantime is stopped."""
    try:
        account.client("sagemaker").stop_processing_job(ProcessingJobName=name)
    except ClientError as error:
        now = found_job(account, name)
        if code_of(error) not in UNKNOWN or (now is not None and is_open(now)):
            raise
