"""AWS's own SDK for SageMaker, lent an account of ours; it does what boto3 has nothing for.

It comes with ``bluewater[sagemaker]``, and is imported where it is used. Gone around in its version
3: clients of STS that leave an emulator or a private network for the public address, all of its
``mlops`` (which makes a client while it is imported, and ingests features under the credentials
that the process found first), and words sent to AWS of what was called.
"""

from __future__ import annotations

from typing import Any

import boto3
import botocore.session

from blocks.contracts import Unsupported
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.disks import volume_key
from blocks.registry import MissingExtra, load

_QUIET = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


def part(path: str) -> Any:
    """Return ``module:name`` of the SDK. Raises Unsupported, with the remedy, without it."""
    try:
        return load(f"sagemaker.{path}", extra="sagemaker")
    except MissingExtra as error:
        raise Unsupported(str(error), code="EXTRA") from error


def session_of(account: AwsAccount) -> Any:
    """Return a session of the SDK that acts as the account, and keeps things in its bucket."""
    return part("core.helper.session_helper:Session")(
        boto_session=boto_session(account),
        sagemaker_client=account.client("sagemaker"),
        default_bucket=account.bucket,
        default_bucket_prefix=account.prefix,
        sagemaker_config=_QUIET,
    )


def job_settings(
    account: AwsAccount, machine: str, *, volume_gb: int, token: str
) -> dict[str, Any]:
    """Return how a job of the SDK's processors and monitors runs in the account."""
    vpc = account.vpc() or {}
    network = part("core.network:NetworkConfig")(
        enable_network_isolation=account.network_isolation,
        subnets=vpc.get("Subnets"),
        security_group_ids=vpc.get("SecurityGroupIds"),
    )
    return {
        "role": account.execution_role,
        "instance_count": 1,
        "instance_type": machine,
        "volume_size_in_gb": volume_gb,
        "volume_kms_key": volume_key(machine, account.kms_key).get("VolumeKmsKeyId"),
        "output_kms_key": account.kms_key or None,
        "sagemaker_session": session_of(account),
        "tags": account.tags(token=token),
        "network_config": network,
    }


def boto_session(account: AwsAccount) -> boto3.Session:
    """Return a session of boto3 for what makes clients of its own."""
    return _Session(account)


class _Session(boto3.Session):  # type: ignore[misc]  # boto3 tells no types
    """Makes clients that go where the account's go, whatever address the SDK would have."""

    def __init__(self, account: AwsAccount) -> None:
        core = botocore.session.Session()
        core.set_config_variable("region", account.region)
        core._credentials = account.credentials()
        super().__init__(botocore_session=core)
        self._url = account.endpoint_url

    def client(self, *args: Any, **told: Any) -> Any:
        return super().client(*args, **self._placed(told))

    def resource(self, *args: Any, **told: Any) -> Any:
        return super().resource(*args, **self._placed(told))

    def _placed(self, told: dict[str, Any]) -> dict[str, Any]:
        return {**told, "endpoint_url": self._url} if self._url else told
