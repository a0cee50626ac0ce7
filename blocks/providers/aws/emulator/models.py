"""SageMaker's models: which image and which files a container of an endpoint is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from blocks.providers.aws.emulator.job_rules import is_in_ecr
from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.model_files import source_of
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

_EMULATED = {
    "ModelName",
    "PrimaryContainer",
    "ExecutionRoleArn",
    "Tags",
    "VpcConfig",
    "EnableNetworkIsolation",
}
_CONTAINER = {"Image", "ModelDataUrl", "ModelDataSource", "Environment", "Mode"}


class Models:
    """CreateModel and its kin."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.known: dict[str, Answer] = {}
        self._created: list[str] = []
        world.levers["models-created"] = lambda _: list(self._created)

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateModel": self.create,
            "DescribeModel": self.describe,
            "ListModels": self.list,
            "DeleteModel": self.delete,
        }

    def create(self, asked: Answer) -> Answer:
        """Keep a model; its name is unique."""
        name = asked["ModelName"]
        arn = self._world.arn("model", name)
        if name in self.known:
            told = f'Cannot create already existing model "{arn}".'
            raise AwsError("ValidationException", told)
        self._check(asked)
        kept = {key: value for key, value in asked.items() if key != "Tags"}
        self.known[name] = {**kept, "ModelArn": arn, "CreationTime": self._world.clock.now()}
        self._world.tag(arn, asked.get("Tags"))
        self._created.append(name)
        return {"ModelArn": arn}

    def describe(self, asked: Answer) -> Answer:
        """Tell of a model."""
        return dict(self._known(asked["ModelName"]))

    def list(self, asked: Answer) -> Answer:
        """List models."""
        keys = ("ModelName", "ModelArn", "CreationTime")
        found = [{key: each[key] for key in keys} for each in self.known.values()]
        some, token = listed(found, asked, "Model")
        return {"Models": some, "NextToken": token}

    def delete(self, asked: Answer) -> Answer:
        """Forget a model; containers that run go on."""
        gone = self.known.pop(self._known(asked["ModelName"])["ModelName"])
        self._world.untag(gone["ModelArn"])
        return {}

    def _check(self, asked: Answer) -> None:
        if unknown := sorted({*asked} - _EMULATED):
            told = f"not emulated: {', '.join(unknown)}"
            raise AwsError("UnknownOperationException", told, 501)
        if "PrimaryContainer" not in asked or "ExecutionRoleArn" not in asked:
            told = "PrimaryContainer and ExecutionRoleArn must be specified"
            raise AwsError("ValidationException", told)
        container = asked["PrimaryContainer"]
        if unknown := sorted({*container} - _CONTAINER):
            told = f"not emulated: {', '.join(unknown)}"
            raise AwsError("UnknownOperationException", told, 501)
        if not container.get("Image"):
            raise AwsError("ValidationException", "Image must be specified")
        if not is_in_ecr(container["Image"]):
            told = f'Using non-ECR image "{container["Image"]}" without Vpc repository access mode '
            raise AwsError("ValidationException", f"{told}is not supported.")
        if container.get("Mode", "SingleModel") != "SingleModel":
            told = f"not emulated: Mode {container['Mode']}"
            raise AwsError("UnknownOperationException", told, 501)
        self._check_source(container)

    def _check_source(self, container: Answer) -> None:
        if {"ModelDataUrl", "ModelDataSource"} <= {*container}:
            told = "ModelDataUrl and ModelDataSource cannot both be specified"
            raise AwsError("ValidationException", told)
        found = source_of(container)
        if found is None:
            return
        uri, packed = found
        if not packed and not uri.endswith("/"):
            told = f"S3Uri {uri} must end with a forward slash for an S3Prefix."
            raise AwsError("ValidationException", told)
        objects = self._world.objects
        if (objects.read(uri) if packed else next(objects.walk(uri), None)) is None:
            raise AwsError("ValidationException", f"Could not find model data at {uri}.")

    def _known(self, name: str) -> Answer:
        if name not in self.known:
            arn = self._world.arn("model", name)
            raise AwsError("ValidationException", f'Could not find model "{arn}".')
        return self.known[name]
