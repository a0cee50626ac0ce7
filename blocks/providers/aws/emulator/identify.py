"""Which operation of which service a request means: the one thing that every protocol says."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from werkzeug.wrappers import Request

from blocks.providers.aws.emulator.rest import match
from blocks.providers.aws.emulator.shapes import service

_SCOPE = re.compile(r"Credential=([^/,]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_CBOR = re.compile(r"/service/[^/]+/operation/(\w+)")
_INVOKE = re.compile(
    r"/endpoints/[^/]+/(invocations|async-invocations|invocations-response-stream)"
)

_POLICY_WORDS = {"monitoring": "cloudwatch", "tagging": "tag"}
_ACTIONS = {  # where they differ from the operation
    "lambda:Invoke": "InvokeFunction",
    "s3:CompleteMultipartUpload": "PutObject",
    "s3:CopyObject": "PutObject",
    "s3:CreateMultipartUpload": "PutObject",
    "s3:DeleteObjects": "DeleteObject",
    "s3:HeadBucket": "ListBucket",
    "s3:HeadObject": "GetObject",
    "s3:ListObjects": "ListBucket",
    "s3:ListObjectsV2": "ListBucket",
    "s3:UploadPart": "PutObject",
}

FEATURES = "sagemaker-featurestore-runtime"
_REST = {"lambda": "lambda", "sagemaker": FEATURES}  # models by the name that a service signs with

# By a header or by the host, which a path cannot tell.
_TOLD_APART_ELSEWHERE = {
    "CopyObject",
    "UploadPartCopy",
    "WriteGetObjectResponse",
    "ListDirectoryBuckets",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request asks for."""

    service: str  # by its signing name
    operation: str
    protocol: str
    key: str  # access key id of the caller

    @property
    def call(self) -> str:
        """The operation by its service."""
        return f"{self.service}:{self.operation}"

    @property
    def action(self) -> str:
        """The action that an IAM policy has to allow for it."""
        service = _POLICY_WORDS.get(self.service, self.service)
        return f"{service}:{_ACTIONS.get(self.call, self.operation)}"


def identify(request: Request) -> Asked:
    """Return what a request asks for."""
    scope = _SCOPE.search(request.headers.get("Authorization", ""))
    key, _, name = scope.groups() if scope else ("", "", "s3")
    target = request.headers.get("X-Amz-Target", "")
    if target:
        return Asked(service=name, operation=target.rpartition(".")[2], protocol="json", key=key)
    if cbor := _CBOR.fullmatch(request.path):
        return Asked(service=name, operation=cbor[1], protocol="json", key=key)
    if invoke := _INVOKE.fullmatch(request.path):
        return Asked(service=name, operation=_invocation(invoke[1]), protocol="rest-json", key=key)
    if request.mimetype == "application/x-www-form-urlencoded":
        action = parse_qs(request.get_data(as_text=True)).get("Action", ["?"])[0]
        protocol = "ec2" if name == "ec2" else "query"
        return Asked(service=name, operation=action, protocol=protocol, key=key)
    protocol = "rest-xml" if name == "s3" else "rest-json"
    operation = _s3(request) if name == "s3" else _rest(name, request)
    return Asked(service=name, operation=operation, protocol=protocol, key=key)


def _invocation(kind: str) -> str:
    streamed = "InvokeEndpointWithResponseStream"
    return {"invocations": "InvokeEndpoint", "async-invocations": "InvokeEndpointAsync"}.get(
        kind, streamed
    )


def _rest(name: str, request: Request) -> str:
    model = _REST.get(name)
    found = match(model, request.method, request.path) if model else None
    return found[0] if found else f"{request.method} {request.path}"


def _s3(request: Request) -> str:
    if request.method == "PUT" and "x-amz-copy-source" in request.headers:
        return "CopyObject"
    parts = [part for part in request.path.split("/", 2) if part]
    routes = s3_routes().get((request.method, min(len(parts), 2)), {})
    asked = {*request.args}
    fits = [(len(words), name) for name, words in routes.items() if words <= asked]
    return max(fits)[1] if fits else f"{request.method} {request.path}"


@functools.cache
def s3_routes() -> Mapping[tuple[str, int], Mapping[str, frozenset[str]]]:
    """Return, by method and depth of the path, the words in the query that each operation wants."""
    found: dict[tuple[str, int], dict[str, frozenset[str]]] = {}
    model = service("s3")
    for name in {*model.operation_names} - _TOLD_APART_ELSEWHERE:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        words = {part.partition("=")[0] for part in query.split("&") if part} - {"x-id"}
        shape = operation.input_shape
        for member in shape.required_members if shape else ():
            told = shape.members[member].serialization
            if told.get("location") == "querystring":
                words.add(told["name"])
        depth = len([part for part in path.split("/") if part])
        found.setdefault((operation.http["method"], depth), {})[name] = frozenset(words)
    return found
