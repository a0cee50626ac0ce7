"""SageMaker's inference components: models that share the machines of one endpoint."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from blocks.providers.aws.emulator.endpoint_changes import Endpoint
from blocks.providers.aws.emulator.endpoints import Endpoints
from blocks.providers.aws.emulator.fleets import Fleet, Machines, Unhealthy
from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.machine_sizes import Size
from blocks.providers.aws.emulator.managed_scaling import machines_for
from blocks.providers.aws.emulator.models import Models
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]
_NO_ROOM = "Insufficient capacity: the endpoint's instances have no room for the copies asked for."
_EMULATED = {"ModelName", "ComputeResourceRequirements"}


@dataclass(slots=True, kw_only=True)
class Component:
    """What is known of a component. Guarded by the world's lock."""

    name: str
    arn: str
    endpoint: Endpoint
    specification: Answer
    fleet: Fleet
    created: float
    changed: float
    status: str = "Creating"
    reason: str | None = None

    def needs(self) -> Size:
        """Return what each copy needs of a machine."""
        asked = self.specification["ComputeResourceRequirements"]
        cpus = float(asked.get("NumberOfCpuCoresRequired", 0.0))
        return Size(cpus=cpus, memory=float(asked["MinMemoryRequiredInMb"]))

    def move(self, status: str, now: float, *, reason: str | None = None) -> None:
        """Go on to a state."""
        self.status, self.reason, self.changed = status, reason, now


class Components:
    """CreateInferenceComponent and its kin. Every change runs in a thread of its own."""

    def __init__(self, world: World, models: Models, endpoints: Endpoints) -> None:
        self._world, self._models, self._endpoints = world, models, endpoints
        self._machines = Machines(world)
        self._known: dict[str, Component] = {}
        endpoints.has_components = lambda name: bool(self._on(name))

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateInferenceComponent": self.create,
            "DescribeInferenceComponent": self.describe,
            "ListInferenceComponents": self.list,
            "UpdateInferenceComponentRuntimeConfig": self.resize,
            "DeleteInferenceComponent": self.delete,
        }

    def chosen(self, endpoint: Endpoint, name: str) -> Fleet | None:
        """Return what answers for a component; None for an endpoint that has none, unasked."""
        bare = any(not each.model for each in endpoint.live())
        if not bare:
            if name:
                told = f"Endpoint {endpoint.name} has no inference components."
                raise AwsError("ValidationError", told)
            return None
        if not name:
            raise AwsError(
                "ValidationError",
                "Inference Component Name header is required for endpoints to which you plan to "
                "deploy inference components.",
            )
        found = self._known.get(name)
        if found is None or found.endpoint is not endpoint:
            told = f"Inference Component {name} of endpoint {endpoint.name} not found."
            raise AwsError("ValidationError", told)
        return found.fleet

    def create(self, asked: Answer) -> Answer:
        """Begin to place a model; the name is unique."""
        name, world = asked["InferenceComponentName"], self._world
        arn = world.arn("inference-component", name)
        if name in self._known:
            told = f'Cannot create already existing inference component "{arn}".'
            raise AwsError("ValidationException", told)
        endpoint, specification = self._checked(asked)
        fleet = self._fleet(asked, endpoint)
        now = world.clock.now()
        found = Component(
            name=name,
            arn=arn,
            endpoint=endpoint,
            specification=specification,
            fleet=fleet,
            created=now,
            changed=now,
        )
        fits = self._make_room(found, fleet.count)
        self._known[name] = found
        world.tag(arn, asked.get("Tags"))
        self._run(self._bring_up, found, fits)
        return {"InferenceComponentArn": arn}

    def describe(self, asked: Answer) -> Answer:
        """Tell of a component."""
        found = self._of(asked)
        runtime = {
            "DesiredCopyCount": found.fleet.count,
            "CurrentCopyCount": len(found.fleet.serving()),
        }
        return {
            **self._summary(found),
            "Specification": found.specification,
            "RuntimeConfig": runtime,
            "FailureReason": found.reason,
        }

    def list(self, asked: Answer) -> Answer:
        """List components."""
        found = [
            self._summary(each)
            for each in self._known.values()
            if asked.get("EndpointNameEquals", each.endpoint.name) == each.endpoint.name
        ]
        some, token = listed(found, asked, "InferenceComponent", also=("EndpointNameEquals",))
        return {"InferenceComponents": some, "NextToken": token}

    def resize(self, asked: Answer) -> Answer:
        """Let there be more copies, or fewer."""
        found, copies = self._of(asked), asked["DesiredRuntimeConfig"]["CopyCount"]
        if found.status != "InService":
            told = f'Cannot update in-progress inference component "{found.arn}".'
            raise AwsError("ValidationException", told)
        if not self._make_room(found, copies):
            found.move("InService", self._world.clock.now(), reason=_NO_ROOM)
        else:
            found.move("Updating", self._world.clock.now())
            found.fleet.count = copies
            self._run(self._resized, found)
        return {"InferenceComponentArn": found.arn}

    def delete(self, asked: Answer) -> Answer:
        """Take a component off its machines."""
        found = self._of(asked)
        if found.status in ("Creating", "Updating", "Deleting"):
            told = f'Cannot delete in-progress inference component "{found.arn}".'
            raise AwsError("ValidationException", told)
        found.move("Deleting", self._world.clock.now())
        self._run(self._taken_down, found)
        return {}

    def _fleet(self, asked: Answer, endpoint: Endpoint) -> Fleet:
        name, model = asked["InferenceComponentName"], asked["Specification"]["ModelName"]
        return Fleet(
            endpoint=endpoint.name,
            config=endpoint.config,
            variant={"VariantName": name, "ModelName": model},
            model=self._models.describe({"ModelName": model}),
            shadow=False,
            weight=1.0,
            wanted=1.0,
            count=asked["RuntimeConfig"]["CopyCount"],
            answers_as=asked["VariantName"],
            log_group=f"/aws/sagemaker/InferenceComponents/{name}",
        )

    def _checked(self, asked: Answer) -> tuple[Endpoint, Answer]:
        specification = asked.get("Specification")
        if specification is None or {*specification} != _EMULATED or "RuntimeConfig" not in asked:
            told = f"emulated is a Specification with {sorted(_EMULATED)}, and a RuntimeConfig"
            raise AwsError("UnknownOperationException", told, 501)
        if "NumberOfAcceleratorDevicesRequired" in specification["ComputeResourceRequirements"]:
            raise AwsError("UnknownOperationException", "not emulated: accelerators", 501)
        endpoint = self._endpoints.find(asked["EndpointName"])
        if endpoint is None or endpoint.status != "InService":
            arn = self._world.arn("endpoint", asked["EndpointName"])
            raise AwsError("ValidationException", f'Could not find endpoint "{arn}" in service.')
        bare = [each.name for each in endpoint.live() if not each.model]
        if asked.get("VariantName") not in bare:
            told = f"Variant {asked.get('VariantName')} takes no inference components."
            raise AwsError("ValidationException", told)
        return endpoint, specification

    def _make_room(self, component: Component, copies: int) -> bool:
        """Let there be as many machines as so many copies need; whether they find room."""
        [bare] = component.endpoint.live()
        others = [each for each in self._on(component.endpoint.name) if each is not component]
        taken = [each.needs() for each in others for _ in range(each.fleet.count)]
        asked = [*taken, *[component.needs()] * copies]
        count = machines_for(bare.variant, bare.count, asked)
        bare.count = bare.count if count is None else count
        return count is not None

    def _on(self, endpoint: str) -> Sequence[Component]:
        return [each for each in self._known.values() if each.endpoint.name == endpoint]

    def _bring_up(self, found: Component, fits: bool) -> None:
        reason = None if fits else _NO_ROOM
        try:
            if fits:
                self._machines.bring_up(found.fleet)
        except Unhealthy as error:
            reason = str(error)
        with self._world.lock:
            if reason:
                found.fleet.count = 0
            found.move("Failed" if reason else "InService", self._world.clock.now(), reason=reason)

    def _resized(self, found: Component) -> None:
        self._machines.await_size(found.fleet)
        with self._world.lock:
            found.move("InService", self._world.clock.now())

    def _taken_down(self, found: Component) -> None:
        self._machines.take_down(found.fleet)
        with self._world.lock:
            self._make_room(found, 0)
            del self._known[found.name]

    def _of(self, asked: Answer) -> Component:
        name = asked["InferenceComponentName"]
        if name not in self._known:
            arn = self._world.arn("inference-component", name)
            raise AwsError("ValidationException", f'Could not find inference component "{arn}".')
        return self._known[name]

    def _summary(self, found: Component) -> Answer:
        return {
            "InferenceComponentName": found.name,
            "InferenceComponentArn": found.arn,
            "EndpointName": found.endpoint.name,
            "EndpointArn": found.endpoint.arn,
            "VariantName": found.fleet.answers_as,
            "InferenceComponentStatus": found.status,
            "CreationTime": found.created,
            "LastModifiedTime": found.changed,
        }

    def _run(self, work: Callable[..., None], *args: Any) -> None:
        threading.Thread(target=work, args=args, daemon=True).start()
