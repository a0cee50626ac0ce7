"""Every gRPC method that Google's clients may call, with the classes of its messages.

Recorded from the clients' own transports, since the packages ship no servicers.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import proto
from google.cloud import aiplatform_v1
from google.cloud.aiplatform_v1beta1.services.model_monitoring_service import (
    ModelMonitoringServiceClient,
)
from google.cloud.aiplatform_v1beta1.services.schedule_service import ScheduleServiceClient
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.monitoring_v3 import MetricServiceClient
from google.cloud.run_v2 import RevisionsClient, ServicesClient
from google.cloud.secretmanager_v1 import SecretManagerServiceClient
from google.longrunning import operations_pb2
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

_ONE = re.compile(r"(?:Get|Delete|Cancel|Pause|Resume)([A-Z]\w+)")  # a method on one thing
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Headed:
    """An answer that comes with headers, which gRPC calls initial metadata."""

    answer: Message
    headers: Mapping[str, str]


Answer: TypeAlias = proto.Message | Message | Headed


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method: how its request is read."""

    service: str  # as in JobService
    method: str
    api: str  # as in aiplatform
    decode: Callable[[bytes], Any]
    client: Any = None  # Google's class whose method it is

    @property
    def name(self) -> str:
        """The name under which modules of operations answer it."""
        return f"{self.service}.{self.method}"

    @property
    def call(self) -> str:
        """The name by which the record and the faults know it."""
        return f"{self.api}:{self.method}"

    @property
    def parse(self) -> Callable[[str], Mapping[str, str]] | None:
        """Return what reads the names that it takes, where Google's class has that."""
        found = _ONE.fullmatch(self.method)
        noun = _CAPITAL.sub("_", found[1]).lower() if found else ""
        return getattr(self.client, f"parse_{noun}_path", None)


class _Recorder:
    """Stands in for a channel, and writes down what a transport would call."""

    def __init__(self) -> None:
        self.requests: dict[str, Any] = {}

    def unary_unary(self, path: str, request_serializer: Any = None, **_: Any) -> None:
        self.requests[path] = request_serializer

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


_OTHERS = (
    LoggingServiceV2Client,
    MetricServiceClient,
    SecretManagerServiceClient,
    ServicesClient,
    RevisionsClient,
    ModelMonitoringServiceClient,
    ScheduleServiceClient,
)
_OTHER = frozenset({"operations_client", "grpc_channel", "kind", "host"})
_LONG_RUNNING = {
    "GetOperation": operations_pb2.GetOperationRequest,
    "WaitOperation": operations_pb2.WaitOperationRequest,
    "CancelOperation": operations_pb2.CancelOperationRequest,
    "DeleteOperation": operations_pb2.DeleteOperationRequest,
    "ListOperations": operations_pb2.ListOperationsRequest,
}


@functools.cache
def routes() -> dict[str, Route]:
    """Return the routes by path, as in ``/google.cloud.aiplatform.v1.JobService/GetCustomJob``."""
    clients = [
        getattr(aiplatform_v1, name) for name in dir(aiplatform_v1) if name.endswith("Client")
    ]
    found: dict[str, Route] = {}
    for client in (*clients, *_OTHERS):
        for path, serializer in _recorded(client.get_transport_class("grpc")).items():
            if kind := getattr(serializer, "__self__", None):  # else IAM's, which nobody calls
                found[path] = _route(path, kind.deserialize, client)
    for method, kind in _LONG_RUNNING.items():
        path = f"/google.longrunning.Operations/{method}"
        found[path] = _route(path, kind.FromString)
    return found


def unknown(path: str) -> Route:
    """Return a route for a path that none of the clients has."""
    return _route(path, Empty.FromString)


def encode(answer: Answer) -> bytes:
    """Return an answer as it goes over the wire."""
    if isinstance(answer, Headed):
        return encode(answer.answer)
    if isinstance(answer, proto.Message):
        return bytes(type(answer).serialize(answer))
    return bytes(answer.SerializeToString())


def _recorded(transport: Any) -> dict[str, Any]:
    recorder, made = _Recorder(), transport.__new__(transport)
    made._stubs = {}
    made._logged_channel = made._grpc_channel = recorder
    for name, _ in inspect.getmembers(transport, lambda each: isinstance(each, property)):
        if name not in _OTHER:
            getattr(made, name)
    return recorder.requests


def _route(path: str, decode: Callable[[bytes], Any], client: Any = None) -> Route:
    package, _, method = path.strip("/").partition("/")
    *parts, service = package.split(".")
    known = [part for part in parts if part not in ("google", "cloud", "v1", "v2", "v3")]
    api = "operations" if service == "Operations" else (known or [service])[0]
    return Route(service=service, method=method, api=api, decode=decode, client=client)
