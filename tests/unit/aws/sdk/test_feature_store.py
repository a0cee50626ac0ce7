"""Features of a frame, defined and put by AWS's SDK, and read again."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import Conflict, InvalidRequest, Inventory, NotFound, ObjectStore
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.bench import KEY
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.feature_calls import FeatureGroup
from blocks.providers.aws.feature_store import SageMakerFeatureStore
from blocks.testing.waiting import until
from deployments.aws.sdk_policy import CALLER

GROUP = FeatureGroup(name="flights", record="flight", event_time="at")
MINUTES = 5 * 60


@pytest.fixture
def features(account: AwsAccount) -> SageMakerFeatureStore:
    return SageMakerFeatureStore(account=account)


def frame(rows: int = 30) -> pd.DataFrame:
    at = datetime(2026, 5, 1, 10, tzinfo=UTC)
    return pd.DataFrame(
        {
            "flight": [f"UA{each}" for each in range(rows)],
            "at": [at] * rows,
            "delay": [each / 2 for each in range(rows)],
            "seats": [100 + each for each in range(rows)],
            "late": [each > 3 for each in range(rows)],
        }
    )


def there(features: SageMakerFeatureStore, group: FeatureGroup = GROUP) -> None:
    until(lambda: features.ensure(group, frame()))


def test_a_frame_is_kept_and_the_newest_of_each_record_is_read(
    bench: Any, features: SageMakerFeatureStore, emulator: Account
) -> None:
    there(features)
    assert features.ingest(GROUP, frame()).accepted == 30
    later = frame().assign(at=datetime(2026, 5, 1, 11, tzinfo=UTC), delay=9.5)
    told = features.ingest(GROUP, later.head(1))
    assert (told.accepted, told.refused) == (1, {})
    found = {"flight": "UA0", "at": "2026-05-01T11:00:00Z", "delay": 9.5, "seats": 100, "late": 0}
    assert features.read("flights", "UA0") == found
    assert features.read("flights", "nobody") is None
    assert len(emulator.calls("sagemaker:BatchWriteRecord")) == 3  # 25, 5 and 1
    emulator.advance(MINUTES)
    store = bench.connect(ObjectStore)
    until(lambda: len(list(store.walk(features.files("flights")))) == 2)
    files = [store.read(each.uri) for each in store.walk(features.files("flights"))]
    rows = pa.concat_tables([pq.read_table(io.BytesIO(each)) for each in files])
    assert rows.num_rows == 31
    assert rows.schema.field("seats").type == pa.int64()
    assert {*CALLER} <= {*emulator.pull("actions", key=KEY)}


def test_rows_that_the_store_refuses_are_told_by_their_numbers(
    features: SageMakerFeatureStore,
) -> None:
    there(features)
    broken = frame().astype({"delay": "object"})
    broken.loc[27, "delay"] = "soon"
    told = features.ingest(GROUP, broken)
    assert told.accepted == 29
    assert "delay" in told.refused[27]
    assert [*told.refused] == [27]


def test_a_group_stays_what_it_is(
    features: SageMakerFeatureStore, account: AwsAccount, emulator: Account
) -> None:
    there(features)
    assert features.ensure(GROUP, frame())
    with pytest.raises(Conflict, match="other columns"):
        features.ensure(GROUP, frame().drop(columns="seats"))
    with pytest.raises(Conflict):
        features.ensure(GROUP.model_copy(update={"online": False}), frame())
    assert len(emulator.calls("sagemaker:CreateFeatureGroup")) == 1


def test_a_reply_that_is_lost_makes_one_group(
    features: SageMakerFeatureStore, emulator: Account
) -> None:
    emulator.fault("lost-reply", call="sagemaker:CreateFeatureGroup")
    there(features)
    assert features.ingest(GROUP, frame(1)).accepted == 1


def test_what_is_missing_is_told_before_any_call(
    features: SageMakerFeatureStore, emulator: Account
) -> None:
    with pytest.raises(InvalidRequest, match="no column 'at'"):
        features.ensure(GROUP, frame().drop(columns="at"))
    unnamed = frame()
    unnamed.loc[2, "flight"] = None
    with pytest.raises(InvalidRequest, match="missing in some rows"):
        features.ingest(GROUP, unnamed)
    assert emulator.calls("sagemaker:*") == []
    with pytest.raises(NotFound):
        features.read("nothing", "UA0")


def test_two_accounts_in_one_process_do_not_meet(
    bench: Any, features: SageMakerFeatureStore, account: AwsAccount, emulator: Account
) -> None:
    """The SDK's own ingestion would write both under the credentials that it met first."""
    there(features)
    features.ingest(GROUP, frame(1))
    other = SageMakerFeatureStore(account=bench.levers_account)
    other.ingest(GROUP, frame(1))
    keys = [each["key"] for each in emulator.calls("sagemaker:BatchWriteRecord")]
    assert keys[0] != keys[1]


def test_the_inventory_takes_a_group_down(bench: Any, features: SageMakerFeatureStore) -> None:
    there(features)
    inventory = bench.connect(Inventory)
    [group] = inventory.owned()
    assert (group.kind, group.running) == ("feature-group", False)
    inventory.remove(group)
    assert list(inventory.owned()) == []
