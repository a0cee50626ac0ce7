"""Vertex AI's endpoints: created, changed under an etag, deployed to, and taken down."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import grpc
from google.cloud.aiplatform_v1.types import (
    CreateEndpointOperationMetadata,
    DeleteOperationMetadata,
    DeployedModel,
    DeployModelOperationMetadata,
    DeployModelResponse,
    Endpoint,
    ListEndpointsResponse,
    UndeployModelOperationMetadata,
    UndeployModelResponse,
)
from google.longrunning.operations_pb2 import Operation
from google.protobuf.empty_pb2 import Empty

from blocks.providers.gcp.emulator.custom_job import at
from blocks.providers.gcp.emulator.deployment import Deployment
from blocks.providers.gcp.emulator.endpoint_rules import (
    require_deployable,
    require_endpoint,
    require_split,
)
from blocks.providers.gcp.emulator.filters import matcher
from blocks.providers.gcp.emulator.messages import masked
from blocks.providers.gcp.emulator.pages import page
from blocks.providers.gcp.emulator.private_front import attach, is_private
from blocks.providers.gcp.emulator.refusals import GcpError, invalid, not_found
from blocks.providers.gcp.emulator.registered_models import Models
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.world import World

_ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?|[1-9][0-9]{0,8}")
_CHANGEABLE = frozenset(
    {
        "display_name",
        "description",
        "labels",
        "traffic_split",
        "client_connection_config",
        "predict_request_response_logging_config",
    }
)
_FIELDS = ("endpoint", "display_name", "labels", "base_model_name")  # of filters
_BEING_DEPLOYED = "0"  # stands for the new model's id in a split


class Endpoints:
    """CreateEndpoint and its kin. A change of what is deployed takes a thread of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._models = Models(world, self._uses)
        self._endpoints: dict[str, Endpoint] = {}
        self._deployments: dict[str, dict[str, Deployment]] = {}
        self._changing: dict[str, str] = {}  # the operation that goes on, by endpoint
        self._made: list[str] = []
        world.levers["deployments-made"] = lambda _: list(self._made)
        world.levers["kill-replicas"] = self._kill

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {
            **self._models.handlers(),
            "EndpointService.CreateEndpoint": self._create,
            "EndpointService.GetEndpoint": self._get,
            "EndpointService.ListEndpoints": self._list,
            "EndpointService.UpdateEndpoint": self._update,
            "EndpointService.DeleteEndpoint": self._delete,
            "EndpointService.DeployModel": self._deploy,
            "EndpointService.UndeployModel": self._undeploy,
        }

    def serving(self, name: str) -> tuple[Endpoint, Mapping[str, Deployment]]:
        """Return an endpoint as it is set, and who serves for it. Raises GcpError."""
        with self._world.lock:
            endpoint = self._known(name)
            return Endpoint(endpoint), dict(self._deployments[endpoint.name])

    def _create(self, asked: Any) -> Operation:
        if asked.parent != self._world.parent:
            raise not_found(asked.parent)
        if asked.endpoint_id and not _ID.fullmatch(asked.endpoint_id):
            raise invalid(f"Invalid endpoint_id: {asked.endpoint_id!r}")
        named = f"{self._world.parent}/endpoints/{asked.endpoint_id}"
        name = named if asked.endpoint_id else self._world.name("endpoints")
        if name in self._endpoints:
            raise GcpError(grpc.StatusCode.ALREADY_EXISTS, f"Endpoint {name} already exists.")
        require_endpoint(asked.endpoint, self._world.location)
        require_split(asked.endpoint.traffic_split, ())
        endpoint = Endpoint(asked.endpoint)
        endpoint.name, endpoint.traffic_split, endpoint.deployed_models = name, {}, []
        endpoint.create_time = at(self._world.clock.now())
        if endpoint.dedicated_endpoint_enabled:
            endpoint.dedicated_endpoint_dns = self._world.endpoint
        if is_private(endpoint):
            endpoint.private_service_connect_config.service_attachment = ""
        self._endpoints[name], self._deployments[name] = endpoint, {}
        self._touch(endpoint)
        return self._world.operations.done(name, endpoint, CreateEndpointOperationMetadata())

    def _get(self, asked: Any) -> Endpoint:
        short = asked.name.rpartition("/")[2]
        if self._world.faults.take("stale-read", "aiplatform:GetEndpoint", short):
            raise not_found(asked.name)
        return self._told(self._known(asked.name))

    def _list(self, asked: Any) -> ListEndpointsResponse:
        meets = matcher(asked.filter, _FIELDS)
        told = [self._told(each) for each in reversed(self._endpoints.values())]
        found = [
            each
            for each in told
            if meets(
                {
                    **Endpoint.to_dict(each, use_integers_for_enums=False),
                    "endpoint": each.name.rpartition("/")[2],
                }
            )
        ]
        some, token = page(found, asked)
        return ListEndpointsResponse(endpoints=some, next_page_token=token)

    def _update(self, asked: Any) -> Endpoint:
        endpoint = self._known(asked.endpoint.name)
        if asked.endpoint.etag and asked.endpoint.etag != endpoint.etag:
            raise GcpError(grpc.StatusCode.ABORTED, f"The etag of {endpoint.name} does not match.")
        paths = list(asked.update_mask.paths)
        if refused := {path.partition(".")[0] for path in paths} - _CHANGEABLE:
            raise invalid(f"Fields that cannot be updated: {', '.join(sorted(refused))}")
        changed = Endpoint(endpoint)
        masked(changed, asked.endpoint, paths)
        require_endpoint(changed, self._world.location)
        require_split(changed.traffic_split, self._deployments[endpoint.name])
        masked(endpoint, asked.endpoint, paths)
        self._touch(endpoint)
        return self._told(endpoint)

    def _delete(self, asked: Any) -> Operation:
        endpoint = self._known(asked.name)
        self._require_idle(endpoint)
        if self._deployments[endpoint.name]:
            raise GcpError(grpc.StatusCode.FAILED_PRECONDITION, "The endpoint has deployed models.")
        del self._endpoints[endpoint.name], self._deployments[endpoint.name]
        return self._world.operations.done(endpoint.name, Empty(), DeleteOperationMetadata())

    def _deploy(self, asked: Any) -> Operation:
        endpoint = self._known(asked.endpoint)
        model = self._models.find(asked.deployed_model.model)
        told = DeployedModel(asked.deployed_model)
        told.id = told.id or str(uuid.uuid4().int % 10**10)
        told.model, told.model_version_id = model.name, model.version_id
        told.display_name = told.display_name or model.display_name
        self._require_new(endpoint, told)
        others = set(self._deployments[endpoint.name])
        require_split(asked.traffic_split, {*others, _BEING_DEPLOYED})
        self._require_idle(endpoint)
        short = endpoint.name.rpartition("/")[2]
        deployment = Deployment(self._world, short, told, model)

        def work(cancelled: threading.Event) -> Answer:
            try:
                deployment.bring_up(cancelled)
                with self._world.lock:
                    self._add(endpoint, deployment, dict(asked.traffic_split))
            finally:
                self._end_change(endpoint)
            return DeployModelResponse(deployed_model=told)

        self._made.append(f"{short}/{told.display_name}")
        return self._begin_change(endpoint, work, DeployModelOperationMetadata())

    def _add(self, endpoint: Endpoint, new: Deployment, split: dict[str, int]) -> None:
        new.told.create_time = at(self._world.clock.now())
        self._deployments[endpoint.name][new.told.id] = new
        if split:
            endpoint.traffic_split = {
                new.told.id if key == _BEING_DEPLOYED else key: share
                for key, share in split.items()
            }
        self._touch(endpoint)

    def _undeploy(self, asked: Any) -> Operation:
        endpoint = self._known(asked.endpoint)
        deployments = self._deployments[endpoint.name]
        gone = deployments.get(asked.deployed_model_id)
        if gone is None:
            raise not_found(f"{endpoint.name}/deployedModels/{asked.deployed_model_id}")
        others = {each for each in deployments if each != gone.told.id}
        require_split(asked.traffic_split, deployments)
        split = dict(asked.traffic_split) or dict(endpoint.traffic_split)
        if split.get(gone.told.id) and others:
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"Deployed model {gone.told.id} still has traffic.",
            )
        self._require_idle(endpoint)
        del deployments[gone.told.id]
        endpoint.traffic_split = {key: share for key, share in split.items() if key in others}
        self._touch(endpoint)

        def work(_: threading.Event) -> Answer:
            try:
                gone.take_down()
            finally:
                self._end_change(endpoint)
            return UndeployModelResponse()

        return self._begin_change(endpoint, work, UndeployModelOperationMetadata())

    def _begin_change(
        self, endpoint: Endpoint, work: Callable[[threading.Event], Answer], metadata: Answer
    ) -> Operation:
        self._changing[endpoint.name] = "beginning"
        operation = self._world.operations.run(endpoint.name, work, metadata)
        if endpoint.name in self._changing:
            self._changing[endpoint.name] = operation.name
        return operation

    def _end_change(self, endpoint: Endpoint) -> None:
        with self._world.lock:
            self._changing.pop(endpoint.name, None)

    def _require_idle(self, endpoint: Endpoint) -> None:
        if going := self._changing.get(endpoint.name):
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"There are other operations running on the Endpoint {endpoint.name}. "
                f"Operation(s) are: {going}.",
            )

    def _require_new(self, endpoint: Endpoint, told: DeployedModel) -> None:
        require_deployable(told)
        if told.id in self._deployments[endpoint.name]:
            raise GcpError(
                grpc.StatusCode.ALREADY_EXISTS, f"Deployed model {told.id} already exists."
            )

    def _known(self, name: str) -> Endpoint:
        found = self._endpoints.get(name)
        if found is None:
            raise not_found(name)
        return found

    def _told(self, endpoint: Endpoint) -> Endpoint:
        """Return an endpoint as it is now, with the replicas that answer."""
        told, now = Endpoint(endpoint), at(self._world.clock.now())
        for each in self._deployments[endpoint.name].values():
            model = DeployedModel(each.told)
            model.status = DeployedModel.Status(
                available_replica_count=each.available(),
                last_update_time=now,
            )
            told.deployed_models.append(model)
        if is_private(told) and told.deployed_models:
            attach(told, self._world)
        return told

    def _touch(self, endpoint: Endpoint) -> None:
        endpoint.update_time, endpoint.etag = at(self._world.clock.now()), uuid.uuid4().hex

    def _uses(self, version: str) -> bool:
        """Whether a version of a model is on an endpoint."""
        return any(
            f"{each.told.model}@{each.told.model_version_id}" == version
            for those in self._deployments.values()
            for each in those.values()
        )

    def _kill(self, said: dict[str, Any]) -> int:
        """Kill the servers of a model that is deployed under a display name."""
        name = f"{self._world.parent}/endpoints/{said['endpoint']}"
        found = self._deployments.get(name, {}).values()
        return sum(each.kill() for each in found if each.told.display_name == said["model"])
