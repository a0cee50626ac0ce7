"""Feature Store as the service keeps records, in its words, to the real SDK."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import until
from tests.unit.aws.emulator.callers import BUCKET, ROLE, client

NAME = "flights"
DEFINED = {"flight": "String", "at": "String", "delay": "Fractional", "seats": "Integral"}
SLOW = 0.001  # of the clock: what lasts a moment can be seen, however busy this machine is
MINUTES = 5 * 60  # until the offline store has what was put


def group(**changes: Any) -> dict[str, Any]:
    asked = {
        "FeatureGroupName": NAME,
        "RecordIdentifierFeatureName": "flight",
        "EventTimeFeatureName": "at",
        "FeatureDefinitions": [
            {"FeatureName": name, "FeatureType": kind} for name, kind in DEFINED.items()
        ],
        "OnlineStoreConfig": {"EnableOnlineStore": True},
        "OfflineStoreConfig": {
            "S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/features"},
            "DisableGlueTableCreation": True,
        },
        "RoleArn": ROLE,
    }
    told = {**asked, **changes}
    return {name: value for name, value in told.items() if value is not None}


def made(emulator: Account, **changes: Any) -> Mapping[str, Any]:
    """Make a group and return its description once it takes records."""
    sagemaker = client(emulator, "sagemaker")
    client(emulator, "s3").create_bucket(Bucket=BUCKET)
    emulator.pull("speed", speed=SLOW)
    sagemaker.create_feature_group(**group(**changes))

    def told() -> dict[str, Any]:
        found: dict[str, Any] = sagemaker.describe_feature_group(FeatureGroupName=NAME)
        return found

    assert told()["FeatureGroupStatus"] == "Creating"
    emulator.pull("speed", speed=1)
    until(lambda: told()["FeatureGroupStatus"] == "Created")
    return told()


def record(**features: str) -> list[dict[str, str]]:
    usual = {"flight": "UA1", "at": "2026-05-01T10:00:00Z", "delay": "3.5", "seats": "180"}
    told = {**usual, **features}
    return [{"FeatureName": name, "ValueAsString": value} for name, value in told.items() if value]


def records(emulator: Account) -> Any:
    return client(emulator, "sagemaker-featurestore-runtime")


def newest(emulator: Account, flight: str = "UA1") -> dict[str, str]:
    told = records(emulator).get_record(FeatureGroupName=NAME, RecordIdentifierValueAsString=flight)
    return {each["FeatureName"]: each["ValueAsString"] for each in told.get("Record", [])}


def test_the_newest_record_is_told_and_all_are_kept_as_parquet_minutes_later(
    emulator: Account,
) -> None:
    place = made(emulator)["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    store = records(emulator)
    for at, delay in (("10:00", "3.5"), ("11:30", "9.0"), ("11:10", "1.0")):
        told = record(at=f"2026-05-01T{at}:00Z", delay=delay)
        store.put_record(FeatureGroupName=NAME, Record=told)
    assert newest(emulator)["delay"] == "9.0"
    store.delete_record(
        FeatureGroupName=NAME,
        RecordIdentifierValueAsString="UA1",
        EventTime="2026-05-01T12:00:00Z",
    )
    assert newest(emulator) == {}
    s3, prefix = client(emulator, "s3"), place.removeprefix(f"s3://{BUCKET}/")

    def keys() -> list[str]:
        told = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [each["Key"] for each in told.get("Contents", [])]

    assert keys() == []
    emulator.advance(MINUTES)
    until(lambda: len(keys()) == 3)  # one for each hour
    assert all("/year=2026/month=05/day=01/hour=1" in key for key in keys())
    tables = [
        pq.read_table(io.BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()))
        for key in keys()
    ]
    rows = pa.concat_tables(tables).to_pylist()
    assert sorted(row["delay"] for row in rows if not row["is_deleted"]) == [1.0, 3.5, 9.0]
    [gone] = [row for row in rows if row["is_deleted"]]
    assert (gone["flight"], gone["seats"]) == ("UA1", None)
    assert all(row["write_time"] > row["api_invocation_time"] for row in rows)


def test_some_records_are_put_at_once_and_each_is_refused_by_itself(emulator: Account) -> None:
    made(emulator, OfflineStoreConfig=None)
    entries = [
        {"FeatureGroupName": NAME, "Record": record(flight="UA1")},
        {"FeatureGroupName": NAME, "Record": record(flight="UA2", seats="many")},
        {"FeatureGroupName": NAME, "Record": record(flight="UA3", delay="")},
    ]
    told = records(emulator).batch_write_record(Entries=entries)
    [error] = told["Errors"]
    assert error["Entry"] == entries[1]
    assert "Failed to parse value 'many' of seats as Integral" in error["ErrorMessage"]
    asked = {"FeatureGroupName": NAME, "RecordIdentifiersValueAsString": ["UA1", "UA2", "UA3"]}
    found = records(emulator).batch_get_record(Identifiers=[asked])["Records"]
    assert [each["RecordIdentifierValueAsString"] for each in found] == ["UA1", "UA3"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flight": ""}, "Missing mandatory feature flight"),
        ({"at": "yesterday"}, "Invalid EventTime"),
        ({"gate": "7"}, "Unknown feature: gate"),
    ],
)
def test_a_record_that_the_group_does_not_take_is_refused(
    emulator: Account, changes: dict[str, str], words: str
) -> None:
    made(emulator)
    with pytest.raises(ClientError, match=words) as caught:
        records(emulator).put_record(FeatureGroupName=NAME, Record=record(**changes))
    assert caught.value.response["Error"]["Code"] == "ValidationError"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"EventTimeFeatureName": "when"}, "EventTimeFeatureName is not in FeatureDefinitions"),
        ({"EventTimeFeatureName": "seats"}, "must be of type String or Fractional"),
        ({"OnlineStoreConfig": None, "OfflineStoreConfig": None}, "At least one of"),
        ({"RoleArn": None}, "RoleArn is required"),
    ],
)
def test_a_group_that_the_service_refuses_is_refused(
    emulator: Account, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError, match=words):
        client(emulator, "sagemaker").create_feature_group(**group(**changes))


def test_a_group_has_its_name_alone_and_is_gone_when_it_is_deleted(emulator: Account) -> None:
    made(emulator)
    sagemaker = client(emulator, "sagemaker")
    with pytest.raises(ClientError) as caught:
        sagemaker.create_feature_group(**group())
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    listed = sagemaker.list_feature_groups(NameContains="fli")["FeatureGroupSummaries"]
    assert [each["FeatureGroupName"] for each in listed] == [NAME]
    sagemaker.delete_feature_group(FeatureGroupName=NAME)
    with pytest.raises(ClientError, match="can't find a FeatureGroup"):
        newest(emulator)
