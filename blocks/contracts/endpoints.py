"""Serve model versions side by side and move traffic between them.

Only the primitives live here. Canary steps, gates and return are policy,
and policy is a task's business.
"""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

from pydantic import Field, model_validator

from blocks.contracts.base import Contract
from blocks.contracts.errors import Unsupported
from blocks.contracts.models import ModelVersion
from blocks.contracts.operation import Frozen, OperationRef, OperationStatus, RunKey
from blocks.contracts.traffic import Capture, Serving, Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointFeatures:
    """What a provider's endpoints can do. The suite checks every field both ways."""

    scheme: str  # of the folders of models that it serves: s3, gs, abfss, dbfs, file
    weights: bool  # traffic can be split; otherwise it moves all at once
    mirror: bool  # live requests can be copied to a variant whose answers nobody sees
    capture: bool  # requests and answers can be kept for drift monitoring
    direct: bool  # one variant can be asked past the traffic split
    sticky: bool  # a user stays on one variant
    autoscaling: bool  # between min_replicas and max_replicas
    scale_to_zero: bool
    alarm_rollback: bool  # the provider itself returns traffic when an alarm fires
    max_payload_bytes: int | None  # None = no limit of the provider's own
    mirror_at_most: int = 100  # percent of the live requests; most providers copy all

    def require_variant(self, request: VariantRequest) -> None:
        """Raise Unsupported for the first thing asked that is not on offer."""
        serving = request.serving
        if request.min_replicas == 0 and not self.scale_to_zero:
            raise Unsupported("no scale to zero here; set min_replicas=1", code="SCALE_TO_ZERO")
        if request.max_replicas > max(request.min_replicas, 1) and not self.autoscaling:
            raise Unsupported(
                "no autoscaling here; set max_replicas=min_replicas", code="AUTOSCALING"
            )
        if request.capture.sample and not self.capture:
            raise Unsupported("nothing is captured here; set capture.sample=0", code="CAPTURE")
        if serving.user_header and not self.sticky:
            raise Unsupported("users cannot stay on a variant; set user_header=''", code="STICKY")
        if (
            self.max_payload_bytes is not None
            and serving.max_payload_bytes > self.max_payload_bytes
        ):
            raise Unsupported(f"payloads end at {self.max_payload_bytes} bytes", code="MAX_PAYLOAD")

    def require_traffic(self, traffic: Traffic) -> None:
        """Raise Unsupported for a split or a mirror that is not on offer."""
        if sum(share > 0 for share in traffic.percent.values()) > 1 and not self.weights:
            raise Unsupported("traffic moves all at once here", code="WEIGHTS")
        if traffic.mirror is not None and not self.mirror:
            raise Unsupported("requests cannot be mirrored here", code="MIRROR")
        if traffic.mirror is not None and traffic.mirror.percent > self.mirror_at_most:
            raise Unsupported(
                f"at most {self.mirror_at_most} % of the requests can be mirrored here",
                code="MIRROR",
            )


class VariantRequest(Frozen):
    """One model version to be served, without traffic, next to what is there."""

    endpoint: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    variant: str = Field(pattern=r"^[a-z][a-z0-9-]{0,20}$")
    model: ModelVersion
    machine: str
    min_replicas: int = Field(default=1, ge=0)
    max_replicas: int = Field(default=1, ge=1)
    serving: Serving = Serving()
    capture: Capture = Capture()
    env: Mapping[str, str] = {}

    @model_validator(mode="after")
    def _ordered(self) -> VariantRequest:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas {self.min_replicas} > max_replicas {self.max_replicas}")
        return self


class Variant(Frozen):
    """One model version as it is served."""

    endpoint: str
    name: str
    model: ModelVersion
    url: str  # of the endpoint, as callers use it
    ready_replicas: int = 0


class Prediction(Frozen):
    """One answer of an endpoint."""

    status: int  # HTTP status
    variant: str  # who answered; empty if nobody did
    body: Any  # the decoded JSON
    seconds: float  # as the caller saw it


class Endpoints(Contract):
    """Serve variants of a model behind one address and move traffic between them."""

    capability: ClassVar[str] = "endpoints"
    features: ClassVar[EndpointFeatures]

    @final
    def deploy(self, request: VariantRequest, *, key: RunKey) -> OperationRef:
        """Bring a variant up with no traffic. Never touches the variant that has it.

        Raises Conflict if a variant of that name serves another model.
        """
        with self._calling("deploy"):
            self.features.require_variant(request)
            return self._deploy(request, key.token(request))

    @final
    def status(self, ref: OperationRef) -> OperationStatus[Variant]:
        """Observe a deployment once: SUCCEEDED when every replica asked for is ready."""
        with self._calling("status"):
            return self._status(ref)

    @final
    def variants(self, endpoint: str) -> Sequence[Variant]:
        """Return what is deployed, with or without traffic; no endpoint, no variants."""
        with self._calling("variants"):
            return self._variants(endpoint)

    @final
    def traffic(self, endpoint: str) -> Traffic:
        """Return the split in force; a new endpoint has an empty one."""
        with self._calling("traffic"):
            return self._traffic(endpoint)

    @final
    def shift(self, endpoint: str, to: Traffic, *, since: Traffic) -> Traffic:
        """Move traffic and return the split in force.

        Raises:
            Conflict: it changed since ``since`` was read, or a variant with a share is not ready.
            Unsupported: before any call, for a split or mirror that is not on offer.
        """
        with self._calling("shift"):
            self.features.require_traffic(to)
            return self._shift(endpoint, to, since.etag)

    @final
    def retire(self, endpoint: str, variant: str) -> None:
        """Take a variant down. Gone is fine; Conflict while it has traffic."""
        with self._calling("retire"):
            self._retire(endpoint, variant)

    @final
    def predict(self, endpoint: str, payload: Any, *, variant: str | None = None) -> Prediction:
        """Ask the endpoint once; a refusal by the contract is a Prediction with its status.

        ``payload`` is JSON for MLflow's ``/invocations``. Raises Unsupported if ``variant`` is
        named and cannot be reached past the split.
        """
        with self._calling("predict"):
            if variant is not None and not self.features.direct:
                raise Unsupported("one variant cannot be asked alone here", code="DIRECT")
            return self._predict(endpoint, payload, variant)

    @abc.abstractmethod
    def _deploy(self, request: VariantRequest, token: str) -> OperationRef: ...
    @abc.abstractmethod
    def _status(self, ref: OperationRef) -> OperationStatus[Variant]: ...
    @abc.abstractmethod
    def _variants(self, endpoint: str) -> Sequence[Variant]: ...
    @abc.abstractmethod
    def _traffic(self, endpoint: str) -> Traffic: ...
    @abc.abstractmethod
    def _shift(self, endpoint: str, to: Traffic, etag: str) -> Traffic: ...
    @abc.abstractmethod
    def _retire(self, endpoint: str, variant: str) -> None: ...
    @abc.abstractmethod
    def _predict(self, endpoint: str, payload: Any, variant: str | None) -> Prediction: ...
