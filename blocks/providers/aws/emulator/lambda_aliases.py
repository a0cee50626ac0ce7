"""Aliases of functions: which versions answer under a name, and with which weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from blocks.providers.aws.emulator.lambda_state import LATEST, Alias, Function, revision
from blocks.providers.aws.emulator.refusals import AwsError

Answer = dict[str, Any]


class Aliases:
    """CreateAlias and its kin. ``function`` returns the function of a name, or refuses."""

    def __init__(self, function: Callable[[str], Function]) -> None:
        self._function = function

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateAlias": self.create,
            "GetAlias": self.get,
            "UpdateAlias": self.update,
            "DeleteAlias": self.delete,
        }

    def create(self, asked: Answer) -> Answer:
        """Give a version a name."""
        function, name = self._function(asked["FunctionName"]), asked["Name"]
        if name in function.aliases:
            arn = function.aliases[name].arn
            raise AwsError("ResourceConflictException", f"Alias already exists: {arn}", 409)
        alias = Alias(
            arn=f"{function.arn}:{name}",
            name=name,
            version=asked["FunctionVersion"],
            weights=_weights(asked),
            description=asked.get("Description", ""),
        )
        _check(function, alias.version, alias.weights)
        function.aliases[name] = alias
        return alias.told()

    def get(self, asked: Answer) -> Answer:
        """Tell an alias."""
        return self._known(asked)[1].told()

    def update(self, asked: Answer) -> Answer:
        """Let other versions answer, if the alias is still the one that the caller saw."""
        function, alias = self._known(asked)
        wanted = asked.get("RevisionId")
        if wanted and wanted != alias.revision:
            raise AwsError(
                "PreconditionFailedException",
                "The RevisionId provided does not match the latest RevisionId. Call the "
                "GetFunction/GetAlias API to retrieve the latest RevisionId",
                412,
            )
        version = asked.get("FunctionVersion", alias.version)
        weights = _weights(asked) if "RoutingConfig" in asked else alias.weights
        _check(function, version, weights)
        alias.version, alias.weights, alias.revision = version, weights, revision()
        return alias.told()

    def delete(self, asked: Answer) -> Answer:
        """Forget an alias. Gone is fine."""
        self._function(asked["FunctionName"]).aliases.pop(asked["Name"], None)
        return {}

    def _known(self, asked: Answer) -> tuple[Function, Alias]:
        function = self._function(asked["FunctionName"])
        alias = function.aliases.get(asked["Name"])
        if alias is None:
            arn = f"{function.arn}:{asked['Name']}"
            raise AwsError("ResourceNotFoundException", f"Cannot find alias arn: {arn}", 404)
        return function, alias


def _weights(asked: Answer) -> dict[str, float]:
    return dict(asked.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))


def _check(function: Function, version: str, weights: Mapping[str, float]) -> None:
    """Raise what Lambda says to a split that cannot be."""
    if len(weights) > 1:
        told = "AdditionalVersionWeights can only contain one version"
        raise AwsError("InvalidParameterValueException", told)
    if weights and (LATEST in {version, *weights} or version in weights):
        told = "A weighted alias needs two published versions that differ"
        raise AwsError("InvalidParameterValueException", told)
    for number in (version, *weights):
        if function.version(number) is None:
            arn = f"{function.arn}:{number}"
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
    if any(not 0.0 <= weight <= 1.0 for weight in weights.values()):
        raise AwsError("InvalidParameterValueException", "a weight is between 0.0 and 1.0")
