"""Asking functions, and keeping environments ready for it. These calls wait, so hold no lock."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from blocks.providers.aws.emulator.lambda_functions import Functions
from blocks.providers.aws.emulator.lambda_state import LATEST, Function, Version
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

_PAYLOAD = 6_291_456  # bytes of a synchronous event, and of its answer
_CONCURRENCY = 1000  # of an account, at first


class Invocations:
    """Invoke, and provisioned concurrency."""

    def __init__(self, world: World, functions: Functions) -> None:
        self._world, self._functions = world, functions
        self._limit = _CONCURRENCY
        world.levers["lambda-concurrency"] = self._limited

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "Invoke": self.invoke,
            "PutProvisionedConcurrencyConfig": self.provision,
            "GetProvisionedConcurrencyConfig": self.provisioned,
            "DeleteProvisionedConcurrencyConfig": self.release,
        }

    def invoke(self, asked: Answer) -> Answer:
        """Let a version do an event: the one that is named, or one of an alias by its weight."""
        if len(asked.get("Payload", b"")) > _PAYLOAD:
            raise AwsError(
                "RequestTooLargeException",
                f"{len(asked['Payload'])} byte payload is too large for the RequestResponse "
                f"invocation type (limit {_PAYLOAD} bytes)",
                413,
            )
        if asked.get("InvocationType", "RequestResponse") != "RequestResponse":
            raise AwsError("UnknownOperationException", "only synchronous calls are emulated", 501)
        with self._world.lock:
            version = self._routed(asked)
            self._admit(version)
        within = float(version.config.get("Timeout", 3))
        work = version.pool.do(asked.get("Payload", b"") or b"{}", within=within)
        told: Answer = {
            "StatusCode": 200,
            "ExecutedVersion": version.number,
            "Payload": work.answer,
        }
        return {**told, "FunctionError": "Unhandled"} if work.failed else told

    def provision(self, asked: Answer) -> Answer:
        """Keep environments of a version ready."""
        count = asked["ProvisionedConcurrentExecutions"]
        with self._world.lock:
            version = self._version(asked)
            version.provisioned = count
        version.pool.keep(count)
        return self._told(version)

    def provisioned(self, asked: Answer) -> Answer:
        """Tell how many are ready."""
        version = self._version(asked)
        if version.provisioned is None:
            raise AwsError(
                "ProvisionedConcurrencyConfigNotFoundException",
                "No Provisioned Concurrency Config found for this function",
                404,
            )
        return self._told(version)

    def release(self, asked: Answer) -> Answer:
        """Keep none ready any more."""
        version = self._version(asked)
        version.provisioned = None
        version.pool.keep(0)
        return {}

    def _routed(self, asked: Answer) -> Version:
        function = self._functions.known(asked["FunctionName"])
        qualifier = asked.get("Qualifier", "")
        if (alias := function.aliases.get(qualifier)) is not None:
            draw, qualifier = random.random(), alias.version  # noqa: S311 - not for secrets
            for number, weight in alias.weights.items():
                if draw < weight:
                    qualifier = number
        return self._there(function, qualifier)

    def _version(self, asked: Answer) -> Version:
        qualifier = asked["Qualifier"]
        if qualifier == LATEST:
            told = "Provisioned Concurrency Configs cannot be applied to unpublished function"
            raise AwsError("InvalidParameterValueException", told)
        return self._there(self._functions.known(asked["FunctionName"]), qualifier)

    def _there(self, function: Function, qualifier: str) -> Version:
        version = function.version(qualifier)
        if version is None:
            arn = f"{function.arn}:{qualifier}"
            raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
        return version

    def _admit(self, version: Version) -> None:
        """Raise what Lambda says to a call too many, or too early."""
        if version.state(self._world.clock.now()) != "Active":
            told = f"The operation cannot be performed at this time: {version.arn} is Pending"
            raise AwsError("ResourceConflictException", told, 409)
        every = [v for f in self._functions.all.values() for v in (f.latest, *f.versions.values())]
        if sum(each.pool.busy() for each in every) >= self._limit:
            raise AwsError("TooManyRequestsException", "Rate Exceeded.", 429)

    def _told(self, version: Version) -> Answer:
        wanted, ready = version.provisioned or 0, version.pool.ready()
        status = "READY" if ready >= wanted else "IN_PROGRESS"
        told: Answer = {
            "RequestedProvisionedConcurrentExecutions": wanted,
            "AvailableProvisionedConcurrentExecutions": ready,
            "AllocatedProvisionedConcurrentExecutions": ready,
            "Status": status,
            "LastModified": datetime.fromtimestamp(version.changed, UTC).isoformat(),
        }
        if version.pool.broken:
            told["Status"], told["StatusReason"] = "FAILED", "FUNCTION_ERROR_INIT_FAILURE"
        return told

    def _limited(self, said: Answer) -> None:
        self._limit = int(said.get("limit", _CONCURRENCY))
