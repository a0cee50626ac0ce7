"""SageMaker's own guardrail: it moves an endpoint to a new model in steps, and back on an alarm.

In a canary or in linear steps both fleets are there whole; a rolling update brings and takes away a
batch of machines with each step, and so needs little more than one fleet.

Not an ``Endpoints`` of ours: SageMaker wants the variant to keep its name, brings the new machines
up within the same call that moves the traffic, and decides by itself. So it is for endpoints of
one variant that nothing else here steers, and what it did is read from its status.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar, Literal

from prefect.blocks.core import Block
from pydantic import Field, model_validator

from blocks.contracts import (
    Conflict,
    Failure,
    Frozen,
    NotFound,
    OperationRef,
    OperationStatus,
    Phase,
    RunKey,
    Unsupported,
    VariantRequest,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.desired import Desired, DesiredStates, DesiredVariant
from blocks.providers.aws.endpoint_calls import BUSY, model_name, require_servable
from blocks.providers.aws.errors import explained
from blocks.providers.aws.images import serving_image
from blocks.providers.aws.lookup import READS, Described, look_for
from blocks.providers.aws.parts import Parts
from blocks.providers.aws.s3 import Objects

POLL_AFTER = timedelta(seconds=30)
# https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-exclusions.html
EXCLUDED = ("ml.inf1.", "ml.eia")  # all at once and unwatched there, whatever was asked
LEAST_BATCH, WHOLE = 5, 100  # percent of a variant's machines


class Guardrail(Frozen):
    """How much traffic moves at a time, how long it is watched, and by which alarms."""

    kind: Literal["CANARY", "LINEAR", "ROLLING"] = "CANARY"
    percent: int = Field(default=10, ge=1, le=50)  # a canary once, or each step, or each batch
    bake: timedelta = timedelta(minutes=10)  # after each of them
    keep_old: timedelta = timedelta(0)  # machines of before, once all traffic has moved
    back_percent: int = Field(default=100, ge=5, le=100)  # of the machines, when batches return
    limit: timedelta = timedelta(hours=2)
    alarms: tuple[str, ...] = Field(min_length=1, max_length=10)  # names, in CloudWatch

    def to_deployment_config(self) -> dict[str, Any]:
        """Return it in SageMaker's words."""
        alarms = {"Alarms": [{"AlarmName": each} for each in self.alarms]}
        policy = self._rolling() if self.kind == "ROLLING" else self._blue_green()
        return {**policy, "AutoRollbackConfiguration": alarms}

    @model_validator(mode="after")
    def _fits(self) -> Guardrail:
        rolling = self.kind == "ROLLING"
        if rolling and (self.percent < LEAST_BATCH or self.keep_old):
            raise ValueError(
                f"a batch is {LEAST_BATCH} percent of the machines at least, and takes the place "
                "of old ones at once; raise percent, and leave out keep_old"
            )
        if not rolling and self.back_percent != WHOLE:
            raise ValueError("machines return in batches with kind=ROLLING only")
        return self

    def _rolling(self) -> dict[str, Any]:
        return {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": _share(self.percent),
                "WaitIntervalInSeconds": int(self.bake.total_seconds()),
                "MaximumExecutionTimeoutInSeconds": int(self.limit.total_seconds()),
                "RollbackMaximumBatchSize": _share(self.back_percent),
            }
        }

    def _blue_green(self) -> dict[str, Any]:
        word = "CanarySize" if self.kind == "CANARY" else "LinearStepSize"
        return {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {
                    "Type": self.kind,
                    "WaitIntervalInSeconds": int(self.bake.total_seconds()),
                    word: _share(self.percent),
                },
                "TerminationWaitInSeconds": int(self.keep_old.total_seconds()),
                "MaximumExecutionTimeoutInSeconds": int(self.limit.total_seconds()),
            }
        }


def _share(percent: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": percent}


class Replaced(Frozen):
    """What serves after an update that went well."""

    endpoint: str  # as SageMaker calls it
    config: str


class SageMakerGuardrail(Block):
    """Updates endpoints of one variant under SageMaker's own deployment guardrail."""

    _block_type_name = "SageMaker deployment guardrail"
    _block_type_slug = "aws-guardrail"

    provider: ClassVar[str] = "aws"
    capability: ClassVar[str] = "guardrail"

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image of the containers, with bluewater in it."
    )

    def replace(
        self, request: VariantRequest, guardrail: Guardrail, *, key: RunKey
    ) -> OperationRef:
        """Begin to serve a model on an endpoint in place of what is there; returns at once.

        The first model of an endpoint has nothing to be held against and comes without steps.
        Raises Conflict while the endpoint changes, or if it is not one of that one variant alone,
        and Unsupported where SageMaker would not watch.
        """
        require_servable(request, isolated=self.account.network_isolation)
        with explained():
            token = key.token(request)
            name = self.account.named(request.endpoint)
            config = self.account.named(f"{request.endpoint[:18]}-{token[:20]}")
            there = self._described(name)
            if there is None or not self._was_begun(there, config, token):
                self._require_guarded(request, there)
                if there is not None:
                    _require_batches(request, guardrail)
                self._begin(name, config, self._only(request, token), guardrail, there)
        return OperationRef(
            provider=self.provider,
            capability=self.capability,
            id=f"{name}/{config}",
            token=token,
            scope={"region": self.account.region},
        )

    def status(self, ref: OperationRef) -> OperationStatus[Replaced]:
        """Observe an update once. FAILED with code RETURNED: the model of before serves again."""
        name, _, config = ref.id.partition("/")
        with explained():
            there = self._described(name)
        if there is None:
            raise NotFound(f"there is no endpoint {name!r}", code="ENDPOINT")
        if there["EndpointStatus"] in BUSY:
            return OperationStatus[Replaced](phase=Phase.RUNNING, poll_after=POLL_AFTER)
        if there["EndpointStatus"] == "InService" and there["EndpointConfigName"] == config:
            result = Replaced(endpoint=name, config=config)
            return OperationStatus[Replaced](phase=Phase.SUCCEEDED, result=result)
        reason = str(there.get("FailureReason", "")) or f"it serves {there['EndpointConfigName']}"
        failure = Failure(code="RETURNED", message=reason)
        return OperationStatus[Replaced](phase=Phase.FAILED, failure=failure)

    def _begin(
        self,
        name: str,
        config: str,
        wanted: Desired,
        guardrail: Guardrail,
        there: Described | None,
    ) -> None:
        self._parts.make(wanted, config)
        call = {"EndpointName": name, "EndpointConfigName": config}
        [variant] = wanted.variants.values()
        tags = self.account.tags(token=variant.token)
        if there is None:
            self._parts.unless_there(self._sagemaker.create_endpoint, **call, Tags=tags)
            return
        deployment = guardrail.to_deployment_config()
        self._sagemaker.update_endpoint(**call, DeploymentConfig=deployment)
        # the mark comes after: whoever dies in between finds the update on its way
        self._sagemaker.add_tags(ResourceArn=there["EndpointArn"], Tags=tags)

    def _was_begun(self, there: Described, config: str, token: str) -> bool:
        """Whether this very update is on its way, or was once, however it ended."""
        pending = there.get("PendingDeploymentSummary", {}).get("EndpointConfigName")
        if config in (there["EndpointConfigName"], pending):
            return True
        tags = self._reads.list_tags(ResourceArn=there["EndpointArn"])["Tags"]
        return any(each in tags for each in self.account.tags(token=token)[1:])

    def _require_guarded(self, request: VariantRequest, there: Described | None) -> None:
        machines = [request.machine]
        if there is not None:
            self._require_alone(request, there)
            config = self._reads.describe_endpoint_config(
                EndpointConfigName=there["EndpointConfigName"]
            )
            machines += [each["InstanceType"] for each in config["ProductionVariants"]]
        for machine in machines:
            if machine.startswith(EXCLUDED):
                raise Unsupported(
                    f"SageMaker moves all traffic at once and unwatched on {machine}; take "
                    "another machine, or steps of our own",
                    code="GUARDRAIL",
                )

    def _require_alone(self, request: VariantRequest, there: Described) -> None:
        if there["EndpointStatus"] in BUSY:
            raise Conflict(f"endpoint {request.endpoint!r} is changing; wait for it", code="BUSY")
        names = [each["VariantName"] for each in there.get("ProductionVariants", ())]
        if names != [request.variant] or self._states.read(request.endpoint) is not None:
            raise Conflict(
                f"endpoint {request.endpoint!r} has variants {names}, or is moved by steps of our "
                f"own; a guardrail takes one that has {request.variant!r} alone",
                code="VARIANT",
            )

    def _only(self, request: VariantRequest, token: str) -> Desired:
        """Return what is to be there, as what makes configurations takes it."""
        model = self.account.named(model_name(request, token))
        variant = DesiredVariant(request=request, token=token, model=model, proven=True)
        return Desired(variants={request.variant: variant}, percent={request.variant: 100})

    def _described(self, name: str) -> Described | None:
        return look_for(self._reads.describe_endpoint, "EndpointName", name, patient=False)

    @cached_property
    def _states(self) -> DesiredStates:
        s3 = self.account.client
        objects = Objects(s3("s3", attempts=READS), once=s3("s3"))
        return DesiredStates(objects, f"{self.account.root}/endpoints/{self.account.named('')}")

    @property
    def _parts(self) -> Parts:
        return Parts(self.account, image=self.image, told={})

    @property
    def _sagemaker(self) -> Any:
        return self.account.client("sagemaker")

    @property
    def _reads(self) -> Any:
        return self.account.client("sagemaker", attempts=READS)


def _require_batches(request: VariantRequest, guardrail: Guardrail) -> None:
    if guardrail.kind == "ROLLING" and request.min_replicas < 2:
        raise Unsupported(
            "a batch is half of the machines at most; set min_replicas=2 and max_replicas=2, or "
            "more, or take CANARY",
            code="GUARDRAIL",
        )
