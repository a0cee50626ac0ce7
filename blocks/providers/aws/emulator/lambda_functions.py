"""Functions of Lambda: what may be asked of them, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from blocks.providers.aws.emulator.lambda_aliases import Aliases
from blocks.providers.aws.emulator.lambda_pool import Pool
from blocks.providers.aws.emulator.lambda_state import LATEST, Function, Version, revision
from blocks.providers.aws.emulator.pages import page
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

_UPDATE = 0.2  # of the cloud's seconds that a change takes
_LONGEST = 900  # seconds of an invocation
_ENVIRONMENT = 4096  # bytes of all variables
_EMULATED = {
    "Architectures",
    "Code",
    "Description",
    "Environment",
    "EphemeralStorage",
    "FunctionName",
    "ImageConfig",
    "MemorySize",
    "PackageType",
    "Publish",
    "RevisionId",
    "Role",
    "Tags",
    "Timeout",
    "VpcConfig",
}


class Functions:
    """CreateFunction and its kin."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.all: dict[str, Function] = {}
        self._aliases = Aliases(self.known)
        world.levers.update({"lambda-functions": self._shown, "lambda-kill": self._kill})

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateFunction": self.create,
            "GetFunction": self.get,
            "GetFunctionConfiguration": self.configuration,
            "UpdateFunctionConfiguration": self.update,
            "UpdateFunctionCode": self.update_code,
            "PublishVersion": self.publish,
            "ListVersionsByFunction": self.versions,
            "ListFunctions": self.functions,
            "DeleteFunction": self.delete,
            "ListTags": self.tags,
            **self._aliases.handlers(),
        }

    def known(self, name: str) -> Function:
        """Return a function. Raises AwsError if there is none of that name."""
        function = self.all.get(name.rpartition(":")[2])
        if function is None:
            arn = self._arn(name)
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return function

    def create(self, asked: Answer) -> Answer:
        """Make a function from an image."""
        name = asked["FunctionName"]
        _check(asked)
        if name in self.all:
            told = f"Function already exist: {name}"
            raise AwsError("ResourceConflictException", told, 409)
        latest = self._version(asked, LATEST)
        self.all[name] = Function(
            name=name,
            arn=self._arn(name),
            image=asked["Code"]["ImageUri"],
            latest=latest,
            tags=dict(asked.get("Tags", {})),
        )
        return self._told(self.all[name], latest)

    def get(self, asked: Answer) -> Answer:
        """Tell a function with its image and its tags."""
        function, version = self._asked(asked)
        code = {"RepositoryType": "ECR", "ImageUri": function.image}
        told = {"Configuration": self._told(function, version), "Code": code}
        return {**told, "Tags": dict(function.tags)} if function.tags else told

    def configuration(self, asked: Answer) -> Answer:
        """Tell the configuration of a version."""
        return self._told(*self._asked(asked))

    def update(self, asked: Answer) -> Answer:
        """Change what is not published yet."""
        function = self._to_change(asked)
        latest = function.latest
        given = {k: v for k, v in asked.items() if k not in ("RevisionId", "Description")}
        config = {**latest.config, **given, "FunctionName": function.name}
        _check(config)
        latest.pool.end()
        description = asked.get("Description", latest.description)
        function.latest = self._version({**config, "Description": description}, LATEST)
        function.updated = True
        return self._told(function, function.latest)

    def update_code(self, asked: Answer) -> Answer:
        """Take another image."""
        function = self._to_change(asked)
        function.image = asked["ImageUri"]
        return self.update({"FunctionName": function.name})

    def publish(self, asked: Answer) -> Answer:
        """Make a version of what is there; what has not changed since the last one is that one."""
        function = self._to_change(asked)
        last = function.versions.get(str(function.published))
        if last is not None and last.config == function.latest.config:
            return self._told(function, last)
        function.published += 1
        number = str(function.published)
        description = asked.get("Description", function.latest.description)
        version = self._version({**function.latest.config, "Description": description}, number)
        function.versions[number] = version
        function.latest.revision = revision()
        return self._told(function, version)

    def versions(self, asked: Answer) -> Answer:
        """List the versions, the unpublished one first."""
        function = self.known(asked["FunctionName"])
        found = [function.latest, *function.versions.values()]
        some, marker = _paged(found, asked)
        told: Answer = {"Versions": [self._told(function, each) for each in some]}
        return {**told, "NextMarker": marker} if marker else told

    def functions(self, asked: Answer) -> Answer:
        """List all functions."""
        some, marker = _paged([*self.all.values()], asked)
        told: Answer = {"Functions": [self._told(each, each.latest) for each in some]}
        return {**told, "NextMarker": marker} if marker else told

    def delete(self, asked: Answer) -> Answer:
        """Delete a function, or one version of it that no alias names."""
        function, number = self.known(asked["FunctionName"]), asked.get("Qualifier", "")
        if not number:
            for each in (function.latest, *function.versions.values()):
                each.pool.end()
            del self.all[function.name]
            return {}
        if number == LATEST:
            told = "$LATEST version cannot be deleted without deleting the function."
            raise AwsError("InvalidParameterValueException", told)
        if used := [a.name for a in function.aliases.values() if number in {a.version, *a.weights}]:
            told = f"Version {number} is used by the alias {used[0]} and cannot be deleted"
            raise AwsError("ResourceConflictException", told, 409)
        if (version := function.versions.pop(number, None)) is not None:
            version.pool.end()
        return {}

    def tags(self, asked: Answer) -> Answer:
        """List the tags of a function."""
        return {"Tags": dict(self.known(asked["Resource"]).tags)}

    def _asked(self, asked: Answer) -> tuple[Function, Version]:
        """Return function and version that a request names, by number or by alias."""
        function, qualifier = self.known(asked["FunctionName"]), asked.get("Qualifier", "")
        if qualifier in function.aliases:
            qualifier = function.aliases[qualifier].version
        version = function.version(qualifier)
        if version is None:
            arn = f"{function.arn}:{qualifier}"
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return function, version

    def _to_change(self, asked: Answer) -> Function:
        """Return a function that may be changed now, if it is the one that the caller saw."""
        function = self.known(asked["FunctionName"])
        wanted = asked.get("RevisionId")
        if wanted and wanted != function.latest.revision:
            raise AwsError(
                "PreconditionFailedException",
                "The RevisionId provided does not match the latest RevisionId. Call the "
                "GetFunction/GetAlias API to retrieve the latest RevisionId",
                412,
            )
        if function.latest.state(self._world.clock.now()) != "Active":
            raise AwsError(
                "ResourceConflictException",
                "The operation cannot be performed at this time. An update is in progress for "
                f"resource: {function.arn}",
                409,
            )
        return function

    def _version(self, asked: Answer, number: str) -> Version:
        now = self._world.clock.now()
        kept = {
            k: v
            for k, v in asked.items()
            if k not in ("Code", "Tags", "Publish", "Description", "RevisionId")
        }
        description = asked.get("Description", "")
        arn = self._arn(asked["FunctionName"])
        return Version(
            arn=arn if number == LATEST else f"{arn}:{number}",
            number=number,
            config=kept,
            changed=now,
            ready_at=now + _UPDATE,
            pool=Pool(self._world, kept, number, description),
            description=description,
        )

    def _told(self, function: Function, version: Version) -> Answer:
        created = function.updated and version.number == LATEST
        return version.told(self._world.clock.now(), created=created)

    def _arn(self, name: str) -> str:
        return f"arn:aws:lambda:{self._world.region}:{self._world.account}:function:{name}"

    def _shown(self, _: Answer) -> list[Answer]:
        return [
            {"name": each.name, "published": each.published, "tags": each.tags}
            for each in [*self.all.values()]
        ]

    def _kill(self, said: Answer) -> int:
        function = self.all[said["function"]]
        return sum(
            each.pool.kill()
            for each in function.versions.values()
            if each.description == said["description"]
        )


def _check(asked: Answer) -> None:
    """Raise what Lambda says to a request that its model allows, but its rules do not."""
    if unknown := sorted({*asked} - _EMULATED):
        raise AwsError("UnknownOperationException", f"not emulated: {', '.join(unknown)}", 501)
    if asked.get("PackageType") != "Image" or not asked.get("ImageConfig", {}).get("EntryPoint"):
        told = "functions from images are emulated, and only with an EntryPoint of their own"
        raise AwsError("UnknownOperationException", told, 501)
    if asked.get("Timeout", 3) > _LONGEST:
        told = f"Timeout: Member must have value less than or equal to {_LONGEST}"
        raise AwsError("InvalidParameterValueException", told)
    variables = asked.get("Environment", {}).get("Variables", {})
    size = sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
    if size > _ENVIRONMENT:
        raise AwsError(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment "
            f"variables you have provided exceeded the 4KB limit. String measured: {size}",
        )
    if reserved := [name for name in variables if name.startswith("AWS_")]:
        told = f"Reserved keys used in this request: {', '.join(reserved)}"
        raise AwsError("InvalidParameterValueException", told)


def _paged(found: list[Any], asked: Answer) -> tuple[Any, str | None]:
    words = {"NextToken": asked.get("Marker", ""), "MaxResults": asked.get("MaxItems", 50)}
    return page(found, words)
