"""SageMaker Feature Store's runtime: records are put, and the newest of each is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from blocks.providers.aws.emulator import rest, shapes
from blocks.providers.aws.emulator.feature_groups import FeatureGroups, Group
from blocks.providers.aws.emulator.identify import FEATURES
from blocks.providers.aws.emulator.offline_store import OfflineStore
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]
_ISO = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ")
_READ: Mapping[str, Callable[[str], Any]] = {"Integral": int, "Fractional": float, "String": str}


class FeatureRecords:
    """PutRecord, GetRecord and their kin."""

    def __init__(self, world: World, groups: FeatureGroups) -> None:
        self._world, self._groups = world, groups
        self._offline = OfflineStore(world)
        self._handlers: Mapping[str, Callable[[Answer], Answer]] = {
            "BatchGetRecord": self.get_batch,
            "BatchWriteRecord": self.put_batch,
            "DeleteRecord": self.delete,
            "GetRecord": self.get,
            "PutRecord": self.put,
        }

    def answers(self, operation: str) -> bool:
        """Whether that is an operation of this service."""
        return operation in shapes.service(FEATURES).operation_names

    def answer(self, operation: str, request: Request) -> Response:
        """Answer one request. Raises AwsError."""
        found = rest.match(FEATURES, request.method, request.path)
        model = shapes.operation(FEATURES, operation)
        if found is None or model is None or operation not in self._handlers:
            raise AwsError("UnknownOperationException", f"{operation} is not emulated", 501)
        asked = rest.said(model, request, found[1])
        try:
            shapes.check_request(model, asked)
        except AwsError as error:
            raise AwsError("ValidationError", error.message) from error
        with self._world.lock:
            answer = self._handlers[operation](asked)
        shapes.check_answer(model, answer)
        return rest.told(model, answer)

    def put(self, asked: Answer) -> Answer:
        """Keep a record, online if it is the newest of its identifier, and offline in any case."""
        if "TtlDuration" in asked:
            raise AwsError("UnknownOperationException", "not emulated: TtlDuration", 501)
        group = self._there(asked["FeatureGroupName"])
        record = _checked(group, asked["Record"])
        key = record[group.asked["RecordIdentifierFeatureName"]]
        at = record[group.asked["EventTimeFeatureName"]]
        stores = asked.get("TargetStores", ["OnlineStore", "OfflineStore"])
        known = group.records.get(key)
        newest = known is None or _moment(at) >= _moment(known[0])
        if group.online and "OnlineStore" in stores and newest:
            group.records[key] = at, record
        if group.offline and "OfflineStore" in stores:
            self._offline.keep(group, record, at=_moment(at), gone=False)
        return {}

    def put_batch(self, asked: Answer) -> Answer:
        """Keep some records; each is refused by itself."""
        errors = []
        for entry in asked["Entries"]:
            try:
                self.put(entry)
            except AwsError as error:
                told = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({"Entry": entry, **told})
        return {"Errors": errors, "UnprocessedEntries": []}

    def get(self, asked: Answer) -> Answer:
        """Tell the newest record of an identifier; nothing if there is none."""
        group = self._asked_online(asked["FeatureGroupName"])
        known = group.records.get(asked["RecordIdentifierValueAsString"])
        return {"Record": _told(known[1])} if known else {}

    def get_batch(self, asked: Answer) -> Answer:
        """Tell the newest records of some identifiers."""
        found = []
        for each in asked["Identifiers"]:
            name = each["FeatureGroupName"]
            group = self._asked_online(name)
            for key in each["RecordIdentifiersValueAsString"]:
                if key in group.records:
                    told = {"FeatureGroupName": name, "RecordIdentifierValueAsString": key}
                    wanted = each.get("FeatureNames")
                    found.append({**told, "Record": _told(group.records[key][1], wanted)})
        return {"Records": found, "Errors": [], "UnprocessedIdentifiers": []}

    def delete(self, asked: Answer) -> Answer:
        """Tell a record no more; offline it is noted as gone."""
        group = self._there(asked["FeatureGroupName"])
        key, at = asked["RecordIdentifierValueAsString"], asked["EventTime"]
        known = group.records.get(key)
        if known is not None and _moment(at) >= _moment(known[0]):
            del group.records[key]
        if group.offline:
            told = {
                group.asked["RecordIdentifierFeatureName"]: key,
                group.asked["EventTimeFeatureName"]: at,
            }
            self._offline.keep(group, told, at=_moment(at), gone=True)
        return {}

    def _there(self, name: str) -> Group:
        group = self._groups.find(name)
        if (status := group.status(self._world.clock.now())) != "Created":
            told = f"FeatureGroup {group.name} is in {status} state, and takes no records"
            raise AwsError("ValidationError", told)
        return group

    def _asked_online(self, name: str) -> Group:
        group = self._there(name)
        if not group.online:
            told = f"FeatureGroup {group.name} has no online store"
            raise AwsError("ValidationError", told)
        return group


def _checked(group: Group, features: list[Answer]) -> dict[str, str]:
    """Return a record by names. Raises AwsError for what the group does not take."""
    types, record = group.types, {}
    for each in features:
        name, value = each["FeatureName"], each.get("ValueAsString")
        if name not in types:
            raise AwsError("ValidationError", f"Unknown feature: {name}")
        if value is None or name in record:
            raise AwsError("ValidationError", f"Feature {name} must have one ValueAsString")
        try:
            _READ[types[name]](value)
        except ValueError as error:
            told = f"Failed to parse value {value!r} of {name} as {types[name]}"
            raise AwsError("ValidationError", told) from error
        record[name] = value
    for word in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if group.asked[word] not in record:
            told = f"Missing mandatory feature {group.asked[word]}"
            raise AwsError("ValidationError", told)
    _moment(record[group.asked["EventTimeFeatureName"]])
    return record


def _moment(text: str) -> float:
    """Return an event time in seconds. Raises AwsError for what is none."""
    try:
        return float(text)
    except ValueError:
        pass
    for form in _ISO:
        try:
            return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    told = f"Invalid EventTime {text!r}: ISO-8601 as 2026-05-01T00:00:00Z, or seconds"
    raise AwsError("ValidationError", told)


def _told(record: Mapping[str, str], wanted: list[str] | None = None) -> list[dict[str, str]]:
    return [
        {"FeatureName": name, "ValueAsString": value}
        for name, value in record.items()
        if wanted is None or name in wanted
    ]
