"""Asynchronous endpoints of SageMaker: requests wait in a queue, and answers are put into S3.

Such an endpoint has one variant on machines, and is asked in no other way:
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from blocks.contracts import Frozen, InvalidRequest, Unsupported, VariantRequest
from blocks.providers.aws.serverless import is_serverless

PATIENCE = 3600  # seconds that a container has for an answer
_TOPIC = r"^(arn:aws[a-z-]*:sns:[a-z0-9-]*:[0-9]{12}:[\w.-]+)?$"


class AsyncInference(Frozen):
    """Where an endpoint puts its answers, how many it works on at a time, and whom it tells."""

    output_uri: str = Field(default="", description="Folder for answers; empty: in our bucket.")
    failure_uri: str = Field(default="", description="Folder for what failed; empty: likewise.")
    at_once: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Requests that a machine works on at a time; empty: as SageMaker thinks best.",
    )
    backlog: float = Field(
        default=5.0,
        gt=0,
        description="Requests that may wait for each machine until another comes, within bounds.",
    )
    success_topic: str = Field(
        default="", pattern=_TOPIC, description="ARN of an SNS topic that is told of answers."
    )
    error_topic: str = Field(
        default="", pattern=_TOPIC, description="ARN of an SNS topic that is told of failures."
    )

    def placed(self, folder: str) -> AsyncInference:
        """Return it with folders below ``folder`` where none were given."""
        return self.model_copy(
            update={
                "output_uri": self.output_uri.rstrip("/") or f"{folder}/answers",
                "failure_uri": self.failure_uri.rstrip("/") or f"{folder}/failures",
            }
        )


def folder_of(root: str, endpoint: str) -> str:
    """Return the folder of an endpoint's requests and answers."""
    return f"{root}/async/{endpoint}"


def to_async_inference_config(asked: AsyncInference, *, kms_key: str) -> dict[str, Any]:
    """Return it in SageMaker's words."""
    topics = {"SuccessTopic": asked.success_topic, "ErrorTopic": asked.error_topic}
    told = {name: arn for name, arn in topics.items() if arn}
    output = {
        "S3OutputPath": asked.output_uri,
        "S3FailurePath": asked.failure_uri,
        **({"NotificationConfig": told} if told else {}),
        **({"KmsKeyId": kms_key} if kms_key else {}),
    }
    client = {"MaxConcurrentInvocationsPerInstance": asked.at_once} if asked.at_once else {}
    return {"OutputConfig": output, **({"ClientConfig": client} if client else {})}


def require_queued(request: VariantRequest, asked: AsyncInference) -> None:
    """Raise, with the remedy, what a variant could never be behind a queue."""
    if is_serverless(request):
        raise Unsupported(
            "an asynchronous endpoint has machines; name one, such as ml.m5.large",
            code="SERVERLESS",
        )
    for name, uri in (("output_uri", asked.output_uri), ("failure_uri", asked.failure_uri)):
        if not uri.startswith("s3://"):
            raise InvalidRequest(f"asynchronous.{name}: {uri!r} is not in S3", code="SCHEME")
