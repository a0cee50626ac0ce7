"""What the runtime may be asked for, by its published model and by what is emulated of it."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from blocks.providers.aws.emulator import rest, shapes
from blocks.providers.aws.emulator.refusals import AwsError

_ELSEWHERE = {  # what belongs to endpoints of a kind that is not emulated
    "TargetModel": "an endpoint of several models",
    "TargetContainerHostname": "an endpoint of several containers",
    "EnableExplanations": "an endpoint with an explainer",
    "SessionId": "an endpoint with sessions",
}


def said_to_runtime(operation: str, request: Request, endpoint: str) -> dict[str, Any]:
    """Return what a request says. Raises AwsError, with the runtime's own code, for a breach."""
    model = shapes.service("sagemaker-runtime").operation_model(operation)
    found = rest.said(model, request, {"EndpointName": endpoint})
    said = {name: each for name, each in found.items() if each != b""}
    try:
        shapes.check_request(model, said)
    except AwsError as error:
        raise AwsError("ValidationError", error.message) from error
    if given := sorted({*said} & {*_ELSEWHERE}):
        told = f"{given[0]} is for {_ELSEWHERE[given[0]]}, which {endpoint} is not"
        raise AwsError("ValidationError", told)
    return said
