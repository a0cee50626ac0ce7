"""SageMaker Feature Store in its own words, and back. Nothing is called here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from pydantic import Field

from blocks.contracts import Frozen, InvalidRequest

_NAME = r"^[a-z][a-z0-9-]{0,40}$"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class FeatureGroup(Frozen):
    """A table of features: one record for each value of ``record``, the newest of its times."""

    name: str = Field(pattern=_NAME)
    record: str = Field(description="The column that says whose features they are.")
    event_time: str = Field(description="The column that says since when: a time, or seconds.")
    online: bool = Field(default=True, description="Keep the newest records for quick answers.")
    offline: bool = Field(default=True, description="Keep all records, as Parquet in the bucket.")


class Ingested(Frozen):
    """What became of the rows of a frame; ``refused`` has the reason by the row's number."""

    accepted: int
    refused: Mapping[int, str] = {}


def prepared(frame: pd.DataFrame, group: FeatureGroup) -> pd.DataFrame:
    """Return a frame whose times are text as the store takes them. Raises InvalidRequest.

    Of times without a zone it is taken that they are UTC.
    """
    for field, name in (("record", group.record), ("event_time", group.event_time)):
        if name not in frame.columns:
            raise InvalidRequest(f"{field}: there is no column {name!r}", code="COLUMN")
        if frame[name].isna().any():
            raise InvalidRequest(f"{field}: {name!r} is missing in some rows", code="MISSING")
    times = frame.select_dtypes(include=["datetime", "datetimetz"]).columns
    told = {
        name: pd.to_datetime(frame[name], utc=True).dt.strftime(_TIME).astype("object")
        for name in times
    }
    truths = {name: frame[name].astype("int64") for name in frame.select_dtypes("bool").columns}
    return frame.assign(**told, **truths)


def to_create_feature_group(
    group: FeatureGroup,
    frame: pd.DataFrame,
    *,
    name: str,
    root: str,
    role: str,
    kms_key: str,
) -> dict[str, Any]:
    """Return the call; the features are the columns of a frame."""
    key = {"KmsKeyId": kms_key} if kms_key else {}
    call: dict[str, Any] = {
        "FeatureGroupName": name,
        "RecordIdentifierFeatureName": group.record,
        "EventTimeFeatureName": group.event_time,
        "FeatureDefinitions": [
            {"FeatureName": str(name), "FeatureType": _type_of(frame[name])}
            for name in frame.columns
        ],
        "RoleArn": role,
    }
    if group.online:
        security = {"SecurityConfig": key} if key else {}
        call["OnlineStoreConfig"] = {"EnableOnlineStore": True, **security}
    if group.offline:
        call["OfflineStoreConfig"] = {
            "S3StorageConfig": {"S3Uri": f"{root}/features", **key},
            "DisableGlueTableCreation": True,  # whoever reads the files needs no table
        }
    return call


def is_same(there: Mapping[str, Any], call: Mapping[str, Any]) -> bool:
    """Whether a described group is the one that a call would make."""
    words = ("RecordIdentifierFeatureName", "EventTimeFeatureName")
    stores = ("OnlineStoreConfig", "OfflineStoreConfig")
    return (
        all(there[word] == call[word] for word in words)
        and all(bool(there.get(store)) == (store in call) for store in stores)
        and _types(there) == _types(call)
    )


def from_record(record: Sequence[Mapping[str, str]], there: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with values of the types that a described group has."""
    read = {"Integral": int, "Fractional": float, "String": str}
    types = _types(there)
    return {
        each["FeatureName"]: read[types[each["FeatureName"]]](each["ValueAsString"])
        for each in record
    }


def _type_of(values: pd.Series[Any]) -> str:
    if pd.api.types.is_integer_dtype(values.dtype):
        return "Integral"
    return "Fractional" if pd.api.types.is_float_dtype(values.dtype) else "String"


def _types(told: Mapping[str, Any]) -> dict[str, str]:
    return {each["FeatureName"]: each["FeatureType"] for each in told["FeatureDefinitions"]}
