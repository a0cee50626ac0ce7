"""Several models on the machines of one endpoint of SageMaker, each asked by its name.

Not an ``Endpoints`` of ours: SageMaker splits no requests between inference components and copies
none, and every caller names the one that he asks. So nothing here moves traffic: a better model is
a component of another name, and whoever asks decides when to ask that one.
"""

from __future__ import annotations

import json
import time
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.serving import CAPTURE_EVERY, CAPTURES
from blocks.contracts import (
    Conflict,
    Failure,
    NotFound,
    OperationRef,
    OperationStatus,
    Phase,
    Prediction,
    RunKey,
    VariantRequest,
)
from blocks.providers.aws import answers
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.component_calls import (
    Pool,
    Share,
    place_of,
    require_component,
    to_create_inference_component,
    to_machines_config,
)
from blocks.providers.aws.desired import DesiredVariant
from blocks.providers.aws.endpoint_calls import model_name, to_create_model
from blocks.providers.aws.errors import explained
from blocks.providers.aws.images import serving_image
from blocks.providers.aws.lookup import READS, Described, look_for
from blocks.providers.aws.parts import Parts

POLL_AFTER = timedelta(seconds=15)
_BUSY = frozenset({"Creating", "Updating", "Deleting", "SystemUpdating", "RollingBack"})


class SageMakerComponents(Block):
    """Places models on the machines of one endpoint, with a share of a machine for each copy."""

    _block_type_name = "SageMaker inference components"
    _block_type_slug = "aws-components"

    provider: ClassVar[str] = "aws"
    capability: ClassVar[str] = "components"

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image of the containers, with bluewater in it."
    )
    capture_every: float = Field(
        default=30.0, description="Seconds between two files of captured requests."
    )

    def open(self, pool: Pool, *, key: RunKey) -> OperationRef:
        """Bring machines up that have no model yet; returns at once.

        Raises Conflict if an endpoint of that name is something else.
        """
        name, token = self.account.named(pool.endpoint), key.token(pool)
        config = self.account.named(f"{pool.endpoint[:18]}-machines-{token[:12]}")
        call = to_machines_config(pool, name=config, role=self.account.execution_role)
        kms = {"KmsKeyId": self.account.kms_key} if self.account.kms_key else {}
        with explained():
            there = self._endpoint(name)
            if there is not None and there["EndpointConfigName"] != config:
                raise Conflict(f"endpoint {pool.endpoint!r} is another one", code="ENDPOINT")
            tags = self.account.tags(token=token)
            self._parts.unless_there(
                self._sagemaker.create_endpoint_config, **call, **kms, **self._network(), Tags=tags
            )
            self._parts.unless_there(
                self._sagemaker.create_endpoint,
                EndpointName=name,
                EndpointConfigName=config,
                Tags=tags,
            )
        return self._ref(pool.endpoint, token)

    def place(self, request: VariantRequest, share: Share, *, key: RunKey) -> OperationRef:
        """Begin to serve a model in ``min_replicas`` copies, each with that share of a machine.

        The component is called as the variant. Raises Conflict while the machines are not there,
        or if a component of that name serves something else.
        """
        require_component(request, isolated=self.account.network_isolation)
        token, name = key.token(request), self._named(request.endpoint, request.variant)
        with explained():
            there = self._component(name)
            if there is not None:
                self._require_same(there, request, token)
            else:
                self._require_machines(request)
                self._create(request, share, token, name)
        return self._ref(f"{request.endpoint}/{request.variant}", token)

    def resize(self, endpoint: str, component: str, copies: int) -> None:
        """Ask for another number of copies. Raises Conflict while the component changes."""
        with explained():
            there = self._component(name := self._named(endpoint, component))
            if there is None:
                raise NotFound(f"{endpoint!r} has no component {component!r}", code="COMPONENT")
            if there["InferenceComponentStatus"] in _BUSY:
                raise Conflict(f"component {component!r} is changing; wait for it", code="BUSY")
            self._sagemaker.update_inference_component_runtime_config(
                InferenceComponentName=name, DesiredRuntimeConfig={"CopyCount": copies}
            )

    def status(self, ref: OperationRef) -> OperationStatus[str]:
        """Observe machines or a component once. SUCCEEDED when all that was asked for serves."""
        endpoint, component = place_of(ref.id)
        with explained():
            if component:
                there = self._component(name := self._named(endpoint, component))
                word = "InferenceComponentStatus"
            else:
                there = self._endpoint(name := self.account.named(endpoint))
                word = "EndpointStatus"
        if there is None:
            raise NotFound(f"{ref.id!r} is not there", code="COMPONENT")
        if there[word] in _BUSY:
            return OperationStatus[str](phase=Phase.RUNNING, poll_after=POLL_AFTER)
        reason = str(there.get("FailureReason", ""))
        if there[word] == "Failed" or reason:
            failure = Failure(code="NOT_PLACED" if component else "NO_MACHINES", message=reason)
            return OperationStatus[str](phase=Phase.FAILED, failure=failure)
        return OperationStatus[str](phase=Phase.SUCCEEDED, result=name)

    def predict(self, endpoint: str, component: str, payload: Any) -> Prediction:
        """Ask one component once."""
        begun = time.perf_counter()
        with explained():
            try:
                reply = self.account.client("sagemaker-runtime").invoke_endpoint(
                    EndpointName=self.account.named(endpoint),
                    InferenceComponentName=self._named(endpoint, component),
                    Body=json.dumps(payload).encode(),
                    ContentType="application/json",
                )
            except ClientError as error:
                return answers.refused(error, seconds=time.perf_counter() - begun)
            answered = answers.answered(reply, seconds=time.perf_counter() - begun)
            return answered.model_copy(update={"variant": component})

    def remove(self, endpoint: str, component: str) -> None:
        """Take a component off the machines; gone is fine. The inventory removes the rest."""
        name = self._named(endpoint, component)
        with explained():
            there = self._component(name)
            if there is not None and there["InferenceComponentStatus"] != "Deleting":
                self._sagemaker.delete_inference_component(InferenceComponentName=name)

    def _create(self, request: VariantRequest, share: Share, token: str, name: str) -> None:
        tags = self.account.tags(token=token)
        model = self.account.named(model_name(request, token))
        variant = DesiredVariant(request=request, token=token, model=model)
        told = to_create_model(variant, copies=False, image=self.image, told=self._told())
        self._parts.make_model(told, tags)
        self._parts.unless_there(
            self._sagemaker.create_inference_component,
            **to_create_inference_component(
                name, self.account.named(request.endpoint), model, request.min_replicas, share
            ),
            Tags=tags,
        )

    def _require_same(self, there: Described, request: VariantRequest, token: str) -> None:
        tags = self._reads.list_tags(ResourceArn=there["InferenceComponentArn"])["Tags"]
        if not all(each in tags for each in self.account.tags(token=token)):
            raise Conflict(
                f"component {request.variant!r} of {request.endpoint!r} serves something else; "
                "take another name, and let callers ask that one",
                code="COMPONENT",
            )

    def _require_machines(self, request: VariantRequest) -> None:
        there = self._endpoint(self.account.named(request.endpoint))
        if there is None or there["EndpointStatus"] != "InService":
            raise Conflict(
                f"the machines of {request.endpoint!r} are not there yet; open them, and wait",
                code="NO_MACHINES",
            )
        config = self._reads.describe_endpoint_config(
            EndpointConfigName=there["EndpointConfigName"]
        )
        [variant] = config["ProductionVariants"]
        if variant["InstanceType"] != request.machine:
            raise Conflict(
                f"machine is {request.machine}, and {request.endpoint!r} has "
                f"{variant['InstanceType']}",
                code="MACHINE",
            )

    def _named(self, endpoint: str, component: str) -> str:
        return self.account.named(f"{endpoint[:20]}-{component}")

    def _ref(self, place: str, token: str) -> OperationRef:
        return OperationRef(
            provider=self.provider,
            capability=self.capability,
            id=place,
            token=token,
            scope={"region": self.account.region},
        )

    def _told(self) -> dict[str, str]:
        return {CAPTURES: f"{self.account.root}/captures", CAPTURE_EVERY: str(self.capture_every)}

    def _network(self) -> dict[str, Any]:
        vpc = self.account.vpc()
        told: dict[str, Any] = {"EnableNetworkIsolation": self.account.network_isolation}
        return {**told, **({"VpcConfig": vpc} if vpc else {})}

    def _endpoint(self, name: str) -> Described | None:
        return look_for(self._reads.describe_endpoint, "EndpointName", name, patient=False)

    def _component(self, name: str) -> Described | None:
        describe = self._reads.describe_inference_component
        return look_for(describe, "InferenceComponentName", name, patient=False)

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self.account, image=self.image, told={})

    @property
    def _sagemaker(self) -> Any:
        return self.account.client("sagemaker")

    @property
    def _reads(self) -> Any:
        return self.account.client("sagemaker", attempts=READS)
