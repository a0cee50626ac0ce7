"""Inference components in SageMaker's words. Pure: nothing is called here."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from blocks.contracts import Frozen, Unsupported, VariantRequest, added_field
from blocks.providers.aws.endpoint_calls import require_servable
from blocks.providers.aws.serverless import is_serverless

VARIANT = "machines"  # the one variant, which has no model of its own


class Share(Frozen):
    """What each copy of a component has of a machine."""

    cpus: float = Field(default=1.0, ge=0.25)
    memory_mb: int = Field(default=1024, ge=128)
    accelerators: int = Field(default=0, ge=0)

    def to_requirements(self) -> dict[str, Any]:
        """Return it in SageMaker's words."""
        gpus = {"NumberOfAcceleratorDevicesRequired": float(self.accelerators)}
        return {
            "NumberOfCpuCoresRequired": self.cpus,
            "MinMemoryRequiredInMb": self.memory_mb,
            **(gpus if self.accelerators else {}),
        }


def require_component(request: VariantRequest, *, isolated: bool) -> None:
    """Raise, with the remedy, what a component could never be."""
    require_servable(request, isolated=isolated)
    if is_serverless(request):
        raise Unsupported("components share machines; name one", code="SERVERLESS")
    if request.max_replicas > max(request.min_replicas, 1):
        raise Unsupported(
            "copies of a component follow no traffic here; set max_replicas=min_replicas, and "
            "resize it",
            code="AUTOSCALING",
        )
    if request.serving.token_secret:
        raise Unsupported(
            "a component asks for no token of ours beside AWS's signature; set token_secret=None",
            code="TOKEN",
        )


class Pool(Frozen):
    """Machines that models are to be placed on; above ``count``, SageMaker brings them."""

    endpoint: str = Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")
    machine: str
    count: int = Field(default=1, ge=1)
    max_count: int | None = added_field(None)  # copies that find no room bring more, up to this

    @model_validator(mode="after")
    def _in_order(self) -> Pool:
        if self.max_count is not None and self.max_count < self.count:
            raise ValueError(f"max_count is {self.max_count}, and count {self.count}; raise it")
        return self


def to_machines_config(pool: Pool, *, name: str, role: str) -> dict[str, Any]:
    """Return the configuration of an endpoint whose models come later."""
    variant: dict[str, Any] = {
        "VariantName": VARIANT,
        "InstanceType": pool.machine,
        "InitialInstanceCount": pool.count,
        "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
    }
    if pool.max_count is not None:
        variant["ManagedInstanceScaling"] = {
            "Status": "ENABLED",
            "MinInstanceCount": pool.count,
            "MaxInstanceCount": pool.max_count,
        }
    return {"EndpointConfigName": name, "ExecutionRoleArn": role, "ProductionVariants": [variant]}


def to_create_inference_component(
    name: str, endpoint: str, model: str, copies: int, share: Share
) -> dict[str, Any]:
    """Say which model is to be where, in how many copies, with how much of a machine."""
    specification = {
        "ModelName": model,
        "ComputeResourceRequirements": share.to_requirements(),
    }
    return {
        "InferenceComponentName": name,
        "EndpointName": endpoint,
        "VariantName": VARIANT,
        "Specification": specification,
        "RuntimeConfig": {"CopyCount": copies},
    }


def place_of(id: str) -> tuple[str, str]:  # noqa: A002 - as OperationRef calls it
    """Return endpoint and component that an operation is about; without the latter, machines."""
    endpoint, _, component = id.partition("/")
    return endpoint, component
