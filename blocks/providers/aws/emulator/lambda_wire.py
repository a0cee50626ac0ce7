"""Lambda's REST protocol, held against the published model."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request, Response

from blocks.providers.aws.emulator import rest, shapes
from blocks.providers.aws.emulator.lambda_functions import Functions
from blocks.providers.aws.emulator.lambda_invoke import Invocations
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

NAME = "lambda"


class Lambda:
    """Functions from container images, their versions and aliases, and what runs in them."""

    def __init__(self, world: World) -> None:
        self._world = world
        functions = Functions(world)
        self._handlers = functions.handlers()
        self._waiting = Invocations(world, functions).handlers()  # these hold no lock

    def answer(self, operation: str, request: Request) -> Response:
        """Answer one request. Raises AwsError."""
        found = rest.match(NAME, request.method, request.path)
        model = shapes.operation(NAME, operation)
        if found is None or model is None or operation not in {**self._handlers, **self._waiting}:
            told = f"{operation} of Lambda is not emulated"
            raise AwsError("UnknownOperationException", told, 501)
        asked = rest.said(model, request, found[1])
        try:
            shapes.check_request(model, asked)
        except AwsError as error:
            raise AwsError("InvalidParameterValueException", error.message) from error
        answer = self._done(operation, asked)
        shapes.check_answer(model, answer)
        return rest.told(model, answer)

    def _done(self, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
        if operation in self._waiting:
            return self._waiting[operation](asked)
        with self._world.lock:
            return self._handlers[operation](asked)
