"""SageMaker Feature Store: features of a frame are kept, and the newest of each record is told.

No ``store`` of a platform: a flow of one's own keeps features here after it made them, and whoever
serves a model reads them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import pandas as pd
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.named import make_named
from blocks.contracts import Conflict, NotFound, Unavailable
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import explain, explained
from blocks.providers.aws.feature_calls import (
    FeatureGroup,
    Ingested,
    from_record,
    is_same,
    prepared,
    to_create_feature_group,
)
from blocks.providers.aws.lookup import READS, Described, look_for
from blocks.providers.aws.sdk import boto_session, part

_AT_ONCE = 25  # records in one BatchWriteRecord
_TRIES = 3  # for what the service did not get to


class SageMakerFeatureStore(Block):
    """Keeps feature groups. ``ingest`` takes ``bluewater[sagemaker]``."""

    _block_type_name = "SageMaker Feature Store"
    _block_type_slug = "aws-features"

    provider: ClassVar[str] = "aws"

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")

    def ensure(self, group: FeatureGroup, frame: pd.DataFrame) -> bool:
        """See that a group is there with the columns of a frame; return whether it takes records.

        Raises Conflict if a group of that name is another one.
        """
        name = self.account.named(group.name)
        with explained():
            call = to_create_feature_group(
                group,
                prepared(frame, group),
                name=name,
                root=self.account.root,
                role=self.account.execution_role,
                kms_key=self.account.kms_key,
            )
            there = self._found(name, patient=False)
            if there is None:
                tags = self.account.tags()
                make_named(
                    lambda: self._sagemaker.create_feature_group(**call, Tags=tags),
                    lambda *, patient: self._found(name, patient=patient),
                    explain=explain,
                    conflict_is_the_name=True,
                )
                there = self._found(name, patient=True) or {"FeatureGroupStatus": "Creating"}
            elif not is_same(there, call):
                raise Conflict(
                    f"feature group {group.name!r} has other columns or keeps them otherwise; "
                    "take another name",
                    code="FEATURE_GROUP",
                )
        return _is_ready(there, group.name)

    def ingest(self, group: FeatureGroup, frame: pd.DataFrame) -> Ingested:
        """Keep every row of a frame as a record. Rows that the store refuses are told with why.

        May be repeated: the same record at the same time is the same.
        """
        rows = prepared(frame, group)
        with explained():
            records = [list(_record(row)) for row in rows.to_dict("records")]
            refused: dict[int, str] = {}
            for start in range(0, len(records), _AT_ONCE):
                some = dict(enumerate(records[start : start + _AT_ONCE], start=start))
                refused |= self._written(self.account.named(group.name), some)
        return Ingested(accepted=len(records) - len(refused), refused=refused)

    def read(self, group: str, record: str) -> Mapping[str, Any] | None:
        """Return the newest features of a record, or None if there is none."""
        with explained():
            there = self._described(group)
            told = self._records.get_record(
                FeatureGroupName=there["FeatureGroupName"], RecordIdentifierValueAsString=record
            )
            return from_record(told["Record"], there) if "Record" in told else None

    def files(self, group: str) -> str:
        """Return the folder of the Parquet files of a group; they come some minutes after."""
        with explained():
            there = self._described(group)
        store = there.get("OfflineStoreConfig")
        if store is None:
            raise NotFound(f"feature group {group!r} keeps no files; set offline", code="OFFLINE")
        return str(store["S3StorageConfig"]["ResolvedOutputS3Uri"])

    def _written(self, name: str, records: Mapping[int, Any]) -> dict[int, str]:
        """Put some records; return those that were refused, by their numbers."""
        entry = part("core.shapes:BatchWriteRecordEntry")
        left = {
            number: entry(feature_group_name=name, record=record)
            for number, record in records.items()
        }
        refused: dict[int, str] = {}
        for _ in range(_TRIES):
            said = self._group(name).batch_write_record([*left.values()], session=self._session)
            for error in said.errors:
                refused |= dict.fromkeys(_numbers(left, [error.entry]), error.error_message)
            left = {each: left[each] for each in _numbers(left, said.unprocessed_entries)}
            if not left:
                return refused
        raise Unavailable(
            f"Feature Store did not get to {len(left)} records; ingest the frame again",
            code="UNPROCESSED",
        )

    def _described(self, group: str) -> Described:
        there = self._found(self.account.named(group), patient=False)
        if there is None:
            raise NotFound(f"there is no feature group {group!r}", code="FEATURE_GROUP")
        return there

    def _found(self, name: str, *, patient: bool) -> Described | None:
        describe = self.account.client("sagemaker", attempts=READS).describe_feature_group
        return look_for(describe, "FeatureGroupName", name, patient=patient)

    def _group(self, name: str) -> Any:
        return part("core.resources:FeatureGroup")(feature_group_name=name)

    @cached_property
    def _session(self) -> Any:
        return boto_session(self.account)  # one, for the SDK keeps its clients by it

    @property
    def _records(self) -> Any:
        return self.account.client("sagemaker-featurestore-runtime", attempts=READS)

    @property
    def _sagemaker(self) -> Any:
        return self.account.client("sagemaker")


def _record(row: Mapping[Hashable, Any]) -> Iterator[Any]:
    value = part("core.shapes:FeatureValue")
    for name, each in row.items():
        if not pd.isna(each):
            yield value(feature_name=str(name), value_as_string=str(each))


def _numbers(entries: Mapping[int, Any], told: Sequence[Any]) -> list[int]:
    """Return the numbers of the entries that were told back."""
    known = {_values(each) for each in told}
    return [number for number, each in entries.items() if _values(each) in known]


def _values(entry: Any) -> tuple[tuple[str, str], ...]:
    return tuple((each.feature_name, each.value_as_string) for each in entry.record)


def _is_ready(there: Described, name: str) -> bool:
    """Whether a group takes records. Raises Conflict for one that never will."""
    if there["FeatureGroupStatus"] in ("CreateFailed", "DeleteFailed", "Deleting"):
        why = there.get("FailureReason", there["FeatureGroupStatus"])
        raise Conflict(f"feature group {name!r}: {why}; remove it", code="FEATURE_GROUP")
    return bool(there["FeatureGroupStatus"] == "Created")
