"""What holds for every call to an emulated account: policy, faults, time, credentials."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.store import AwsStore
from blocks.testing.waiting import until
from tests.unit.aws.emulator.callers import BUCKET, KEY, ROLE, client


def test_a_call_that_is_not_emulated_fails_and_is_remembered(emulator: Account) -> None:
    with pytest.raises(ClientError) as caught:
        client(emulator, "sagemaker").list_clusters()
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"
    assert [each["call"] for each in emulator.unknown()] == ["sagemaker:ListClusters"]


@pytest.mark.parametrize(
    ("service", "call", "allowed"),
    [
        ("sagemaker", "list_training_jobs", "sagemaker:List*"),
        ("s3", "list_buckets", "s3:ListBuckets"),
        ("secretsmanager", "list_secrets", "secretsmanager:ListSecrets"),
        ("sts", "get_caller_identity", "sts:GetCallerIdentity"),
    ],
)
def test_what_the_policy_lacks_is_denied_by_every_protocol(
    emulator: Account, service: str, call: str, allowed: str
) -> None:
    emulator.pull("policy", key=KEY, actions=[])
    with pytest.raises(ClientError) as caught:
        getattr(client(emulator, service), call)()
    assert caught.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")
    assert allowed.partition(":")[0] in caught.value.response["Error"]["Message"]
    emulator.pull("policy", key=KEY, actions=[allowed])
    getattr(client(emulator, service), call)()


def test_an_unknown_fault_and_an_unknown_lever_are_refused(emulator: Account) -> None:
    with pytest.raises(ValueError, match="known: access-denied"):
        emulator.fault("no-such-fault")
    with pytest.raises(ValueError, match="no lever"):
        emulator.pull("no-such-lever")


def test_faults_strike_the_calls_they_name_so_many_times(emulator: Account) -> None:
    emulator.fault("throttling", call="s3:ListBuckets", times=2)
    s3, sagemaker = client(emulator, "s3"), client(emulator, "sagemaker")
    sagemaker.list_training_jobs()
    for _ in range(2):
        with pytest.raises(ClientError, match="Rate exceeded"):
            s3.list_buckets()
    s3.list_buckets()
    assert emulator.pull("faults") == []


def test_time_passes_as_it_is_told(emulator: Account) -> None:
    before = emulator.pull("now")
    emulator.advance(3600)
    assert emulator.pull("now") - before >= 3600
    emulator.pull("speed", speed=1e6)
    begin = emulator.pull("now")
    until(lambda: emulator.pull("now") > begin + 3600)


def test_credentials_of_an_assumed_role_are_renewed_before_they_expire(emulator: Account) -> None:
    """A session of 15 minutes is always about to expire: no call may wait for its end."""
    sts = client(emulator, "sts")
    assert sts.get_caller_identity()["Account"] == "123456789012"
    account = AwsAccount(
        region=emulator.region,
        endpoint_url=emulator.url,
        access_key_id=KEY,
        secret_access_key="secret",
        assume_role_arn=ROLE,
        role_session_minutes=15,
    )
    sagemaker = account.client("sagemaker")
    for _ in range(3):
        sagemaker.list_training_jobs()
    assumed = emulator.calls("sts:AssumeRole")
    listed = emulator.calls("sagemaker:ListTrainingJobs")
    assert len(assumed) >= 3
    assert {each["key"] for each in assumed} == {KEY}
    assert all(each["key"].startswith("ASIA") for each in listed)
    assert len({each["key"] for each in listed}) > 1
    client(emulator, "s3").create_bucket(Bucket=BUCKET)
    client(emulator, "s3").put_object(Bucket=BUCKET, Key="object", Body=b"1")
    with AwsStore(account=account).open(f"s3://{BUCKET}/object") as reader:
        assert reader.read() == b"1"
    read = emulator.calls("s3:GetObject")
    assert read
    assert all(each["key"].startswith("ASIA") for each in read)
