"""SageMaker Feature Store's control plane: groups of records, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]
_CREATING = 0.2  # seconds until a group is there
_TIMES = ("Fractional", "String")


@dataclass(slots=True, kw_only=True)
class Group:
    """A feature group, and what is in its online store. Guarded by the world's lock."""

    name: str
    arn: str
    asked: Answer
    created: float
    offline: str  # URI of the folder that the offline store's files are put into; or empty
    records: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)  # by identifier

    @property
    def types(self) -> Mapping[str, str]:
        """The type of each feature."""
        return {
            each["FeatureName"]: each["FeatureType"] for each in self.asked["FeatureDefinitions"]
        }

    @property
    def online(self) -> bool:
        """Whether the newest record of each identifier can be asked for."""
        return bool(self.asked.get("OnlineStoreConfig", {}).get("EnableOnlineStore"))

    def status(self, now: float) -> str:
        """Return how far it is."""
        return "Created" if now >= self.created + _CREATING else "Creating"


class FeatureGroups:
    """CreateFeatureGroup and its kin."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._known: dict[str, Group] = {}

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateFeatureGroup": self.create,
            "DescribeFeatureGroup": self.describe,
            "ListFeatureGroups": self.list,
            "DeleteFeatureGroup": self.delete,
        }

    def create(self, asked: Answer) -> Answer:
        """Begin a group; its name is unique."""
        name, world = asked["FeatureGroupName"], self._world
        if name in self._known:
            raise AwsError("ResourceInUse", f"Resource Already Exists: FeatureGroup {name}")
        _check(asked)
        now, arn = world.clock.now(), world.arn("feature-group", name)
        offline = _place(world, asked, f"{name}-{int(now)}")
        self._known[name] = Group(name=name, arn=arn, asked=asked, created=now, offline=offline)
        world.tag(arn, asked.get("Tags"))
        return {"FeatureGroupArn": arn}

    def describe(self, asked: Answer) -> Answer:
        """Tell all of a group."""
        group = self.find(asked["FeatureGroupName"])
        now = self._world.clock.now()
        told = {key: each for key, each in group.asked.items() if key != "Tags"}
        if group.offline:
            store = dict(told["OfflineStoreConfig"])
            place = {**store["S3StorageConfig"], "ResolvedOutputS3Uri": group.offline}
            told["OfflineStoreConfig"] = {**store, "S3StorageConfig": place}
            told["OfflineStoreStatus"] = {"Status": "Active"}
        return {
            **told,
            "FeatureGroupArn": group.arn,
            "FeatureGroupStatus": group.status(now),
            "CreationTime": group.created,
            "NextToken": "",
        }

    def list(self, asked: Answer) -> Answer:
        """List groups."""
        now = self._world.clock.now()
        found = [
            {
                "FeatureGroupName": name,
                "FeatureGroupArn": each.arn,
                "CreationTime": each.created,
                "FeatureGroupStatus": each.status(now),
            }
            for name, each in self._known.items()
        ]
        some, token = listed(found, asked, "FeatureGroup")
        return {"FeatureGroupSummaries": some, "NextToken": token}

    def delete(self, asked: Answer) -> Answer:
        """Forget a group and its online records; files of the offline store stay."""
        group = self.find(asked["FeatureGroupName"])
        if group.status(self._world.clock.now()) == "Creating":
            told = f"FeatureGroup {group.name} is in Creating state"
            raise AwsError("ValidationException", told)
        del self._known[group.name]
        return {}

    def find(self, name: str) -> Group:
        """Return a group by its name or ARN. Raises AwsError for one that is not there."""
        group = self._known.get(name.rpartition("/")[2])
        if group is None:
            told = (
                f"Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {name}"
            )
            raise AwsError("ResourceNotFound", told, 404)
        return group


def _check(asked: Answer) -> None:
    """Raise what the service says to a group that its model allows, but its rules do not."""
    types = {each["FeatureName"]: each["FeatureType"] for each in asked["FeatureDefinitions"]}
    if len(types) < len(asked["FeatureDefinitions"]):
        raise AwsError("ValidationException", "Feature names must be unique")
    for word in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if asked[word] not in types:
            raise AwsError("ValidationException", f"{word} is not in FeatureDefinitions")
    if types[asked["EventTimeFeatureName"]] not in _TIMES:
        raise AwsError("ValidationException", "EventTime must be of type String or Fractional")
    online, offline = (asked.get(f"{word}StoreConfig") for word in ("Online", "Offline"))
    if not (online or {}).get("EnableOnlineStore") and not offline:
        told = "At least one of OnlineStoreConfig and OfflineStoreConfig must be enabled"
        raise AwsError("ValidationException", told)
    if offline and not asked.get("RoleArn"):
        raise AwsError("ValidationException", "RoleArn is required for an OfflineStore")
    _check_emulated(asked, online or {}, offline)


def _check_emulated(asked: Answer, online: Answer, offline: Answer | None) -> None:
    more = [word for word in ("ThroughputConfig",) if word in asked]
    more += [word for word in ("TtlDuration", "StorageType") if word in online]
    if offline and not offline.get("DisableGlueTableCreation"):
        more.append("a Glue table; set DisableGlueTableCreation")
    if offline and offline.get("TableFormat", "Glue") != "Glue":
        more.append(f"TableFormat {offline['TableFormat']}")
    more += [
        f"CollectionType of {each['FeatureName']}"
        for each in asked["FeatureDefinitions"]
        if each.get("CollectionType")
    ]
    if more:
        raise AwsError("UnknownOperationException", f"not emulated: {', '.join(more)}", 501)


def _place(world: World, asked: Answer, folder: str) -> str:
    """Return where the offline store's files of a group go, as the developer guide has it."""
    store = asked.get("OfflineStoreConfig")
    if store is None:
        return ""
    home = str(store["S3StorageConfig"]["S3Uri"]).rstrip("/")
    return f"{home}/{world.account}/sagemaker/{world.region}/offline-store/{folder}/data"
