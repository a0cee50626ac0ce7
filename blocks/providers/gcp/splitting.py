"""Moves the traffic of an endpoint: exactly one of two that move it at once wins."""

from __future__ import annotations

from collections.abc import Mapping

from google.api_core.exceptions import Aborted, FailedPrecondition
from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1.types import Endpoint, UpdateEndpointRequest

from blocks.contracts import Conflict, Traffic
from blocks.providers.gcp.account import ONCE, GcpAccount
from blocks.providers.gcp.endpoint_calls import MOVE_LABEL, from_endpoint
from blocks.providers.gcp.operations import UNCERTAIN
from blocks.providers.gcp.steering import Steering

_TRIES = 5  # while deployments move Vertex AI's etag beneath us


class Split:
    """Compares and sets, under Vertex AI's own etag."""

    def __init__(self, account: GcpAccount, steering: Steering) -> None:
        self._endpoints = account.client(EndpointServiceClient)
        self._steering = steering

    def move(self, name: str, split: Mapping[str, int], *, etag: str, word: str) -> Traffic:
        """Set the split by ids of deployed models, if it is still the one with our ``etag``.

        ``word`` marks this move, so that it is known again after a lost reply. Raises Conflict.
        """
        for number in range(_TRIES):
            endpoint = self._steering.describe(name)
            now = from_endpoint(endpoint)
            if endpoint is not None and endpoint.labels.get(MOVE_LABEL) == word:
                return now  # the reply was lost, the move was not
            if endpoint is None or now.etag != etag:
                raise _moved(name, now)
            try:
                return from_endpoint(self._set(endpoint, split, word))
            except (Aborted, FailedPrecondition):
                if number == _TRIES - 1:
                    raise
            except UNCERTAIN:
                after = self._steering.describe(name)
                if after is None or after.labels.get(MOVE_LABEL) != word:
                    raise
                return from_endpoint(after)
        raise _moved(name, now)

    def _set(self, endpoint: Endpoint, split: Mapping[str, int], word: str) -> Endpoint:
        changed = Endpoint(
            name=endpoint.name,
            etag=endpoint.etag,
            display_name=endpoint.display_name,
            traffic_split=dict(split),
            labels={**endpoint.labels, MOVE_LABEL: word},
        )
        request = UpdateEndpointRequest(
            endpoint=changed, update_mask={"paths": ["traffic_split", "labels"]}
        )
        return self._endpoints.update_endpoint(request, **ONCE)


def _moved(name: str, now: Traffic) -> Conflict:
    return Conflict(
        f"traffic of {name!r} was moved meanwhile, to {dict(now.percent)}; read it again",
        code="ETAG",
    )
