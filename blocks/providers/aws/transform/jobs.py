"""Transform jobs by name, and the models that they serve, which are called the same."""

from __future__ import annotations

import re
from typing import Any

from botocore.exceptions import ClientError

from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import code_of
from blocks.providers.aws.lookup import READS, UNKNOWN, Described, look_for

OPEN = "InProgress"
_MARK = "t-"


def job_name(account: AwsAccount, token: str) -> str:
    """Return the name of the job of a token, and of its model."""
    return account.named(f"{_MARK}{token}")


def is_of_transform(account: AwsAccount, name: str) -> bool:
    """Whether that is such a name: a variant of an endpoint called t has a shorter one."""
    rest = name.removeprefix(job_name(account, ""))
    return rest != name and re.fullmatch(r"[0-9a-f]{32}", rest) is not None


def found_job(account: AwsAccount, name: str, *, patient: bool = True) -> Described | None:
    """Return a job's description, or None if there is none; if patient, look again."""
    describe = account.client("sagemaker", attempts=READS).describe_transform_job
    return look_for(describe, "TransformJobName", name, patient=patient)


def stop_job(account: AwsAccount, name: str) -> None:
    """Stop a job. One that has ended in the meantime is stopped."""
    try:
        account.client("sagemaker").stop_transform_job(TransformJobName=name)
    except ClientError as error:
        now = found_job(account, name)
        if code_of(error) not in UNKNOWN or (now is not None and now["TransformJobStatus"] == OPEN):
            raise


def remove_model(account: AwsAccount, name: str) -> None:
    """Remove the model of a job that is over. Gone is fine."""
    sagemaker: Any = account.client("sagemaker")
    try:
        sagemaker.delete_model(ModelName=name)
    except ClientError as error:
        there = account.client("sagemaker", attempts=READS).describe_model
        if code_of(error) not in UNKNOWN or look_for(there, "ModelName", name, patient=False):
            raise
