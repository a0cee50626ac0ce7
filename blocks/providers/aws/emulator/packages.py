"""SageMaker's model registry: groups of model packages, numbered as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from blocks.providers.aws.emulator import shapes
from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

_CHANGED = ("ModelApprovalStatus", "ApprovalDescription", "CustomerMetadataProperties")
_FILTERS = ("ModelPackageGroupName", "ModelApprovalStatus")
_SUMMARY = (
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
)


class ModelPackages:
    """CreateModelPackageGroup, CreateModelPackage and their kin."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._groups: dict[str, Answer] = {}
        self._packages: dict[str, Answer] = {}
        self._tokens: dict[str, tuple[Answer, str]] = {}  # a client token is one request, once
        world.levers["packages"] = lambda _: len(self._tokens)

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateModelPackageGroup": self.create_group,
            "DescribeModelPackageGroup": self.describe_group,
            "ListModelPackageGroups": self.list_groups,
            "DeleteModelPackageGroup": self.delete_group,
            "CreateModelPackage": self.create,
            "DescribeModelPackage": self.describe,
            "UpdateModelPackage": self.update,
            "ListModelPackages": self.list,
            "DeleteModelPackage": self.delete,
        }

    def create_group(self, asked: Answer) -> Answer:
        """Make a group; its name is unique."""
        name = asked["ModelPackageGroupName"]
        arn = self._world.arn("model-package-group", name)
        if name in self._groups:
            raise AwsError("ValidationException", f"Model Package Group already exists: {arn}")
        self._groups[name] = {
            "ModelPackageGroupName": name,
            "ModelPackageGroupArn": arn,
            "ModelPackageGroupDescription": asked.get("ModelPackageGroupDescription"),
            "CreationTime": self._world.clock.now(),
            "CreatedBy": {},
            "ModelPackageGroupStatus": "Completed",
        }
        self._world.tag(arn, asked.get("Tags"))
        return {"ModelPackageGroupArn": arn}

    def describe_group(self, asked: Answer) -> Answer:
        """Tell of a group."""
        group = self._group(asked["ModelPackageGroupName"])
        return {key: value for key, value in group.items() if not key.startswith("_")}

    def list_groups(self, asked: Answer) -> Answer:
        """List groups."""
        known = ("ModelPackageGroupName", "ModelPackageGroupArn", "CreationTime")
        found = [
            {**{key: each[key] for key in known}, "ModelPackageGroupStatus": "Completed"}
            for each in self._groups.values()
        ]
        some, token = listed(found, asked, "ModelPackageGroup")
        return {"ModelPackageGroupSummaryList": some, "NextToken": token}

    def delete_group(self, asked: Answer) -> Answer:
        """Remove a group that has no packages."""
        name = self._group(asked["ModelPackageGroupName"])["ModelPackageGroupName"]
        if any(each["ModelPackageGroupName"] == name for each in self._packages.values()):
            raise AwsError("ConflictException", f"ModelPackageGroup {name} is not empty.")
        self._world.untag(self._groups.pop(name)["ModelPackageGroupArn"])
        return {}

    def create(self, asked: Answer) -> Answer:
        """Make the next version of a group; the same client token is the same version."""
        token = asked.get("ClientToken", "")
        if token in self._tokens:
            before, arn = self._tokens[token]
            if before != asked:
                told = "The client token was used with other parameters before."
                raise AwsError("ValidationException", told)
            return {"ModelPackageArn": arn}
        if "ModelPackageGroupName" not in asked or "ModelPackageName" in asked:
            told = "not emulated: a package without a group"
            raise AwsError("UnknownOperationException", told, 501)
        if "Tags" in asked:
            told = "Tags are not supported for a versioned model package; tag its group."
            raise AwsError("ValidationException", told)
        group = self._group(asked["ModelPackageGroupName"])
        number = group["_versions"] = group.get("_versions", 0) + 1
        name = f"{group['ModelPackageGroupName']}/{number}"
        arn = self._world.arn("model-package", name)
        self._packages[arn] = {
            **self._told(asked),
            "ModelPackageName": group["ModelPackageGroupName"],
            "ModelPackageGroupName": group["ModelPackageGroupName"],
            "ModelPackageVersion": number,
            "ModelPackageArn": arn,
            "CreationTime": self._world.clock.now(),
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "ModelApprovalStatus": asked.get("ModelApprovalStatus", "PendingManualApproval"),
        }
        self._tokens[token or arn] = (asked, arn)
        return {"ModelPackageArn": arn}

    def describe(self, asked: Answer) -> Answer:
        """Tell of a version."""
        return dict(self._package(asked["ModelPackageName"]))

    def update(self, asked: Answer) -> Answer:
        """Change what may be changed of a version."""
        package = self._package(asked["ModelPackageArn"])
        unknown = sorted({*asked} - {*_CHANGED, "ModelPackageArn"})
        if unknown:
            told = f"not emulated: {', '.join(unknown)}"
            raise AwsError("UnknownOperationException", told, 501)
        package.update({name: asked[name] for name in _CHANGED if name in asked})
        return {"ModelPackageArn": package["ModelPackageArn"]}

    def list(self, asked: Answer) -> Answer:
        """List the versions of a group, or of all."""
        name = asked.get("ModelPackageGroupName")
        group = self._group(name)["ModelPackageGroupName"] if name else None
        found = [
            {key: each[key] for key in _SUMMARY if each.get(key) is not None}
            for each in self._packages.values()
            if group in (None, each["ModelPackageGroupName"])
            and asked.get("ModelApprovalStatus") in (None, each["ModelApprovalStatus"])
        ]
        some, token = listed(found, asked, "ModelPackageGroup", also=_FILTERS)
        return {"ModelPackageSummaryList": some, "NextToken": token}

    def delete(self, asked: Answer) -> Answer:
        """Remove a version; its number is not used again."""
        del self._packages[self._package(asked["ModelPackageName"])["ModelPackageArn"]]
        return {}

    def _told(self, asked: Answer) -> Answer:
        model = shapes.operation("sagemaker", "DescribeModelPackage")
        assert model is not None  # noqa: S101
        return shapes.known_members(model, asked)

    def _group(self, name: str) -> Answer:
        found = self._groups.get(name.rpartition("/")[2])
        if found is None or self._world.faults.take("stale-read", "*", name):
            arn = self._world.arn("model-package-group", name)
            raise AwsError("ValidationException", f"ModelPackageGroup {arn} does not exist.")
        return found

    def _package(self, name: str) -> Answer:
        arn = name if name.startswith("arn:") else self._world.arn("model-package", name)
        found = self._packages.get(arn)
        if found is None or self._world.faults.take("stale-read", "*", arn):
            raise AwsError("ValidationException", f"ModelPackage {arn} does not exist.")
        return found
