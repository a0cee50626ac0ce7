"""What the emulated cloud answers when it says no, as gRPC and as JSON over HTTP tell it."""

from __future__ import annotations

import json

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2

_HTTP = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}


class GcpError(Exception):
    """A refusal: gRPC's status code, the words, and details such as ErrorInfo."""

    def __init__(self, code: grpc.StatusCode, message: str, *details: Message) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details

    @property
    def http_status(self) -> int:
        """The status under which HTTP tells the same."""
        return _HTTP.get(self.code.name, 500)

    def status(self) -> status_pb2.Status:
        """Return it as google.rpc.Status, as operations and jobs keep it."""
        status = status_pb2.Status(code=code_pb2.Code.Value(self.code.name), message=self.message)
        for each in self.details:
            packed = AnyMessage()
            packed.Pack(each)
            status.details.append(packed)
        return status

    def json(self) -> str:
        """Return it as Google's JSON APIs tell errors."""
        reasons = [
            {"reason": each.reason, "domain": each.domain, "message": self.message}
            for each in self.details
            if isinstance(each, error_details_pb2.ErrorInfo)
        ]
        told = {
            "code": self.http_status,
            "message": self.message,
            "status": self.code.name,
            "errors": reasons or [{"reason": self.code.name.lower(), "message": self.message}],
        }
        return json.dumps({"error": told})


def invalid(message: str) -> GcpError:
    """Return the refusal of a request that is wrong."""
    return GcpError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(name: str) -> GcpError:
    """Return the refusal of a name that nothing has."""
    return GcpError(grpc.StatusCode.NOT_FOUND, f"The resource {name} is not found.")


def denied(permission: str) -> GcpError:
    """Return the refusal of a caller whose roles lack a permission."""
    return GcpError(
        grpc.StatusCode.PERMISSION_DENIED,
        f"Permission '{permission}' denied on resource (or it may not exist).",
        info("IAM_PERMISSION_DENIED", permission=permission),
    )


def info(reason: str, **metadata: str) -> error_details_pb2.ErrorInfo:
    """Return the detail by which programs tell errors of one code apart."""
    return error_details_pb2.ErrorInfo(reason=reason, domain="googleapis.com", metadata=metadata)


def quota(subject: str) -> error_details_pb2.QuotaFailure:
    """Return the detail that names the limit which is reached."""
    violation = error_details_pb2.QuotaFailure.Violation(subject=subject)
    return error_details_pb2.QuotaFailure(violations=[violation])
