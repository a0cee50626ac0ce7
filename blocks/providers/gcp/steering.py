"""Takes an endpoint of Vertex AI a step nearer to what it should be. Any process may, any time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from google.api_core.exceptions import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    NotFound,
)
from google.cloud.aiplatform_v1.services.endpoint_service import EndpointServiceClient
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient
from google.cloud.aiplatform_v1.types import DeployedModel, Endpoint, Model

from blocks.cloud.documents import Documents
from blocks.cloud.wanted import Wanted, WantedVariant
from blocks.providers.gcp.account import ONCE, READS, GcpAccount
from blocks.providers.gcp.endpoint_calls import (
    Resources,
    deployed_in,
    served_id,
    to_deployed_model,
    to_endpoint,
    to_served_model,
)
from blocks.providers.gcp.endpoint_log import last_words
from blocks.providers.gcp.lookup import look_for
from blocks.providers.gcp.operations import awaited, begun, error_of, goes_on, operation
from blocks.providers.gcp.private_endpoints import Private
from blocks.providers.gcp.wanted import deployed_id

T = TypeVar("T")
MADE_WITHIN = 5.0  # seconds that a look waits for an endpoint or a model to be made
_BUSY = (FailedPrecondition, Aborted, AlreadyExists)  # also what a second deployment meets


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An endpoint as it should be, and as it is."""

    wanted: Wanted
    endpoint: Endpoint | None


class Steering:
    """Knows the calls that change what is deployed."""

    def __init__(
        self,
        account: GcpAccount,
        wishes: Documents[Wanted],
        *,
        image: str,
        capture_every: float,
        resources: Resources,
        log_to: str,
        private: Private | None,
    ) -> None:
        self._account, self._wishes = account, wishes
        self._image, self._capture_every, self._resources = image, capture_every, resources
        self._log_to, self._private = log_to, private
        self._endpoints = account.client(EndpointServiceClient)
        self._models = account.client(ModelServiceClient)

    def look(self, name: str) -> Seen | None:
        """Take the endpoint a step further, and return how it is then; None if nobody wants it."""
        wanted = self._wishes.read(name)
        if wanted is None:
            return None
        endpoint, stepped = self.describe(name), False
        for variant in wanted.variants.values():
            step = self._step_out if variant.leaving else self._step_in
            stepped = step(name, endpoint, variant) or stepped
        if endpoint is not None and not wanted.variants and not endpoint.deployed_models:
            self._remove_endpoint(endpoint)
            stepped = True
        if not stepped:
            return Seen(wanted=wanted, endpoint=endpoint)
        return Seen(wanted=self._wishes.read(name) or Wanted(), endpoint=self.describe(name))

    def describe(self, name: str) -> Endpoint | None:
        """Return an endpoint as it is; None if there is none."""
        get = partial(self._endpoints.get_endpoint, name=self.endpoint_name(name), **READS)
        return look_for(get, patient=False)

    def endpoint_name(self, name: str) -> str:
        """Return the resource name of an endpoint."""
        return f"{self._account.parent}/endpoints/{self._account.named(name)}"

    def _step_in(self, name: str, endpoint: Endpoint | None, variant: WantedVariant) -> bool:
        """Deploy a variant that is not there, or learn why it is not; return whether it acted."""
        if variant.failure or deployed_in(endpoint, variant) is not None:
            return False
        if variant.operation:
            return self._judge(name, variant)
        if self._make(name, endpoint, variant):
            self._deploy(name, variant)
        return True

    def _judge(self, name: str, variant: WantedVariant) -> bool:
        """Look at a deployment that was begun; return whether something came of it."""
        try:
            found = operation(self._endpoints, variant.operation)
        except NotFound:  # it is long ago: begin again
            self._note(name, variant, operation="")
            return True
        error = error_of(found) if found.done else None
        if error is not None:
            words = last_words(self._account, name, deployed_id(variant))
            self._note(name, variant, failure=f"{error.message}\n{words}".strip(), operation="")
        return bool(found.done)

    def _make(self, name: str, endpoint: Endpoint | None, variant: WantedVariant) -> bool:
        """Make the endpoint and the variant's model where they are not; return if they are."""
        pending = []
        if endpoint is None:
            asked = to_endpoint(
                name, account=self._account, log_to=self._log_to, private=self._private
            )
            create = partial(
                self._endpoints.create_endpoint,
                {
                    "parent": self._account.parent,
                    "endpoint": Endpoint(asked),
                    "endpoint_id": self._account.named(name),
                },
                **ONCE,
            )
            pending.append((self._endpoints, create))
        model = self._model_name(variant)
        if look_for(partial(self._models.get_model, name=model, **READS), patient=False) is None:
            pending.append((self._models, partial(self._upload, variant)))
        made = [self._made(client, create) for client, create in pending]
        return all(made)

    def _upload(self, variant: WantedVariant) -> object:
        model = to_served_model(
            variant,
            account=self._account,
            image=self._image,
            capture_every=self._capture_every,
        )
        asked = {
            "parent": self._account.parent,
            "model_id": self._model_name(variant).rpartition("/")[2],
            "model": Model(model),
        }
        return self._models.upload_model(asked, **ONCE)

    def _made(self, client: object, create: partial[object]) -> bool:
        """Make a thing under a name of ours; return whether it is there already."""
        try:
            name = begun(create)
        except AlreadyExists:
            return True  # or it is on its way: then the deployment does not find it yet
        found = awaited(client, name, within=MADE_WITHIN)
        if error := error_of(found):
            raise error
        return bool(found.done)

    def _deploy(self, name: str, variant: WantedVariant) -> None:
        """Begin a deployment, and write down that it was."""
        model = self._model_name(variant)
        asked = {
            "endpoint": self.endpoint_name(name),
            "deployed_model": DeployedModel(
                to_deployed_model(
                    variant, model=model, account=self._account, given=self._resources
                )
            ),
        }
        deploy = partial(begun, partial(self._endpoints.deploy_model, asked, **ONCE))
        try:
            deployment = self._unless_busy(name, variant, deploy)
        except NotFound:
            return  # made a moment ago, and not to be seen by all yet
        if deployment is not None:
            self._note(name, variant, operation=deployment)

    def _unless_busy(self, name: str, variant: WantedVariant, change: Callable[[], T]) -> T | None:
        """Change an endpoint; return None where another change goes on, perhaps this very one.

        The next look goes on then. What was refused for a change that is over is asked again.
        """
        for is_last in (False, True):
            try:
                return change()
            except _BUSY:
                if self._is_busy(name, variant):
                    return None
                if is_last:
                    raise
        return None

    def _is_busy(self, name: str, variant: WantedVariant) -> bool:
        if goes_on(self._endpoints, self.endpoint_name(name)):
            return True
        return deployed_in(self.describe(name), variant) is not None

    def _step_out(self, name: str, endpoint: Endpoint | None, variant: WantedVariant) -> bool:
        """Take a variant down; forget it once it is gone."""
        if variant.operation and self._is_deploying(variant):
            self._endpoints.cancel_operation({"name": variant.operation}, **READS)
            return False
        if deployed_in(endpoint, variant) is not None:
            self._undeploy(name, variant)
            return True
        if endpoint is not None and goes_on(self._endpoints, endpoint.name):
            return False  # it may be its own deployment, begun by who died before it said so
        try:
            self._models.delete_model(name=self._model_name(variant), **ONCE)
        except NotFound:
            pass  # somebody was faster
        except FailedPrecondition:
            return False  # its deployment is being taken down
        self._wishes.change(name, lambda now: now.without(variant))
        return True

    def _undeploy(self, name: str, variant: WantedVariant) -> None:
        asked = {
            "endpoint": self.endpoint_name(name),
            "deployed_model_id": deployed_id(variant),
        }
        with suppress(NotFound):  # somebody was faster
            self._unless_busy(name, variant, partial(self._endpoints.undeploy_model, asked, **ONCE))

    def _is_deploying(self, variant: WantedVariant) -> bool:
        try:
            return not operation(self._endpoints, variant.operation).done
        except NotFound:
            return False

    def _remove_endpoint(self, endpoint: Endpoint) -> None:
        try:
            self._endpoints.delete_endpoint(name=endpoint.name, **ONCE)
        except (NotFound, FailedPrecondition):
            return  # gone, or somebody deploys to it again

    def _note(self, name: str, variant: WantedVariant, **changes: object) -> None:
        self._wishes.change(name, lambda now: now.noted(variant, **changes))

    def _model_name(self, variant: WantedVariant) -> str:
        return f"{self._account.parent}/models/{self._account.named(served_id(variant))}"
