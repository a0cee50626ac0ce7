"""Takes an endpoint of Databricks a step nearer to what it should be. Any process may, any time."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.serving import (
    EndpointCoreConfigInput,
    EndpointTag,
    ServedEntityInput,
    ServingEndpointDetailed,
)

from blocks.cloud.bucket import Bucket
from blocks.cloud.documents import Documents
from blocks.contracts import Conflict
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.clocks import READS
from blocks.providers.databricks.endpoint_calls import (
    Surroundings,
    again,
    copies_of,
    entities,
    has_failed,
    is_failed,
    is_of,
    is_updating,
    pending,
    served_in,
    shares_of,
    split_of,
    to_routes,
    to_served_entity,
)
from blocks.providers.databricks.errors import is_missing, meaning_of
from blocks.providers.databricks.gateway import is_like, put_gateway, to_gateway
from blocks.providers.databricks.model_calls import SERVED, full_name
from blocks.providers.databricks.serving_copy import copy_of
from blocks.providers.databricks.unity import UnityVersions
from blocks.providers.databricks.wanted import Wanted, WantedVariant

log = logging.getLogger(__name__)

_LAST_WORDS = 2000  # characters of a log that a failure is told by


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An endpoint as it should be, and as it is."""

    wanted: Wanted
    endpoint: ServingEndpointDetailed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """Knows the calls that change what an endpoint serves."""

    account: DatabricksWorkspace
    wishes: Documents[Wanted]
    versions: UnityVersions
    bucket: Bucket
    surroundings: Surroundings

    def look(self, name: str) -> Seen | None:
        """Take the endpoint a step further, and return how it is then; None if nobody wants it."""
        wanted = self.wishes.read(name)
        if wanted is None:
            return None
        wanted = self._prepare(name, wanted)
        endpoint = self.describe(name)
        if endpoint is not None and is_updating(endpoint):
            return Seen(wanted=wanted, endpoint=endpoint)
        wanted = self._learn(name, wanted, endpoint)
        guarded = self._guard(name, wanted, endpoint)
        if self._put(name, wanted, endpoint) or guarded:
            return Seen(wanted=wanted, endpoint=self.describe(name))
        return Seen(wanted=self._forget(name, wanted, endpoint), endpoint=endpoint)

    def describe(self, name: str) -> ServingEndpointDetailed | None:
        """Return an endpoint as it is; None if there is none."""
        try:
            found: ServingEndpointDetailed = self._patient.get(self.account.named(name))
        except DatabricksError as error:
            if is_missing(error):
                return None
            raise
        return found

    def is_being_served(self, seen: Seen, variant: WantedVariant) -> bool:
        """Whether an update goes on that brings a variant."""
        endpoint = seen.endpoint
        if endpoint is None or not is_updating(endpoint):
            return False
        return any(is_of(each, variant) for each in pending(endpoint))

    def _learn(self, name: str, wanted: Wanted, endpoint: ServingEndpointDetailed | None) -> Wanted:
        """Write down what came of the last update."""
        if endpoint is None:
            return wanted
        if has_failed(endpoint):
            wanted = self._blame(name, wanted, endpoint)
        move = wanted.moving
        if move is None:
            return wanted
        if split_of(endpoint) == move.percent:
            return self.wishes.change(name, lambda now: now.moved(move, done=True))
        served = {each.request.variant for each in wanted.variants.values() if each.served}
        if not set(move.percent) <= served:
            why = {"failure": "a variant of the split is not served any more", "done": True}
            return self.wishes.change(name, lambda now: now.moved(move, **why))
        return wanted

    def _blame(self, name: str, wanted: Wanted, endpoint: ServingEndpointDetailed) -> Wanted:
        """Give up what made an update fail: variants that came with it, or else its move."""
        new = [
            (each, there)
            for each in wanted.variants.values()
            for there in pending(endpoint)
            if each.served and is_of(there, each) and served_in(endpoint, each) is None
        ]
        failed = [(each, there) for each, there in new if is_failed(there)]
        for variant, there in failed or new:
            said = there.state.deployment_state_message if there.state is not None else ""
            failure = f"{said}\n{self._last_words(name, variant)}".strip()
            why = failure or "the update of the endpoint failed"
            wanted = self.wishes.change(name, partial(Wanted.noted, variant=variant, failure=why))
        move = wanted.moving
        if not new and move is not None and shares_of(endpoint.pending_config) == move.percent:
            over = {"failure": "the update of the endpoint failed", "done": True}
            wanted = self.wishes.change(name, lambda now: now.moved(move, **over))
        return wanted

    def _last_words(self, name: str, variant: WantedVariant) -> str:
        try:
            told = self._patient.logs(self.account.named(name), variant.request.variant)
        except DatabricksError:
            return ""  # there may be none
        return (told.logs or "")[-_LAST_WORDS:]

    def _prepare(self, name: str, wanted: Wanted) -> Wanted:
        """Make the copies by which new variants are served."""
        for variant in wanted.variants.values():
            if variant.version or variant.leaving or variant.failure:
                continue
            model, request = self.model_of(name), variant.request
            number = self.versions.recorded(
                model,
                f"served-{variant.word}",
                source=f"{request.model.uri}#{variant.word}",
                about=f"version {request.model.version} of {request.model.name}, to be served",
                tags=self.account.tags(token=variant.token),
            )
            self.versions.fill(model, number, copy_of(self.bucket, request.model.uri))
            wanted = self.wishes.change(
                name, partial(Wanted.noted, variant=variant, version=number)
            )
        return wanted

    def _put(self, name: str, wanted: Wanted, endpoint: ServingEndpointDetailed | None) -> bool:
        """Put the configuration that is wanted, if it is another one; return whether it was."""
        config = self._config(name, wanted, endpoint)
        if not config.served_entities:
            if endpoint is None or wanted.staying():
                return False
            self._delete(name)
            return True
        if endpoint is not None and _is_like(endpoint, config):
            return False
        once, named = self.account.client().serving_endpoints, self.account.named(name)
        try:
            if endpoint is None:
                tags = [EndpointTag(key=k, value=v) for k, v in self.account.tags().items()]
                gateway = to_gateway(self.account, name, wanted, None)
                once.create(name=named, config=config, tags=tags, ai_gateway=gateway)
            else:
                once.update_config(
                    name=named,
                    served_entities=config.served_entities,
                    traffic_config=config.traffic_config,
                )
        except DatabricksError as error:
            if meaning_of(error) is not Conflict and not is_missing(error):
                raise  # else somebody was faster, and the next look goes on
        return True

    def _guard(self, name: str, wanted: Wanted, endpoint: ServingEndpointDetailed | None) -> bool:
        """Put before the endpoint what should be there, if it is not; return whether it was."""
        there = endpoint.ai_gateway if endpoint is not None else None
        gateway = to_gateway(self.account, name, wanted, there)
        if endpoint is None or is_like(there, gateway):
            return False
        try:
            put_gateway(self._patient, self.account.named(name), gateway)
        except DatabricksError as error:
            if any(
                each.served and not served_in(endpoint, each) for each in wanted.variants.values()
            ):
                raise  # whoever deploys is told
            log.warning("the gateway of %s stays as it is: %s", name, error)
            return False
        return True

    def copies(self, name: str, variant: str) -> int | None:
        """Return by how many copies a variant is served; None where nobody tells."""
        try:
            told = self._patient.export_metrics(self.account.named(name)).contents
        except DatabricksError as error:
            if is_missing(error):
                return None
            raise
        return copies_of(told.read().decode(), variant)

    def _config(
        self, name: str, wanted: Wanted, endpoint: ServingEndpointDetailed | None
    ) -> EndpointCoreConfigInput:
        """Return all that the endpoint should serve, what others put on it among it."""
        made = {
            each.request.variant: to_served_entity(
                each, model=self.model_of(name), surroundings=self.surroundings
            )
            for each in wanted.variants.values()
            if each.served
        }
        foreign = {
            each.name or "": again(each)
            for each in entities(endpoint)
            if each.name not in wanted.variants
        }
        served = {**foreign, **made}
        split = _split(wanted, endpoint, served)
        return EndpointCoreConfigInput(
            name=self.account.named(name),
            served_entities=list(served.values()),
            traffic_config=to_routes(split),
        )

    def _forget(
        self, name: str, wanted: Wanted, endpoint: ServingEndpointDetailed | None
    ) -> Wanted:
        """Forget the variants that are gone, with the copies by which they were served."""
        model = self.model_of(name)
        for variant in [each for each in wanted.variants.values() if each.leaving]:
            if served_in(endpoint, variant) is None:
                if variant.version:
                    self.versions.drop(model, variant.version)
                wanted = self.wishes.change(name, partial(Wanted.without, variant=variant))
        if endpoint is None and not wanted.variants:
            self.versions.drop_model(model)
            wanted = self.wishes.change(name, _at_rest)
        return wanted

    def _delete(self, name: str) -> None:
        try:
            self._patient.delete(self.account.named(name))
        except DatabricksError as error:
            if not is_missing(error) and meaning_of(error) is not Conflict:
                raise

    def model_of(self, name: str) -> str:
        """Return the model in Unity Catalog whose versions an endpoint serves."""
        return full_name(self.account, f"{SERVED}{name}")

    @property
    def _patient(self) -> Any:
        return self.account.client(attempts=READS).serving_endpoints


def _split(
    wanted: Wanted,
    endpoint: ServingEndpointDetailed | None,
    served: Mapping[str, ServedEntityInput],
) -> Mapping[str, int]:
    """Return whose the traffic is to be: all of it must always be somebody's in Databricks."""
    if (move := wanted.moving) is not None and set(move.percent) <= set(served):
        return move.percent
    now = split_of(endpoint)
    if now and set(now) <= set(served):
        return now
    first = next(iter(served), "")
    return {first: 100}


def _is_like(endpoint: ServingEndpointDetailed, config: EndpointCoreConfigInput) -> bool:
    """Whether what is in force is what a configuration asks for."""
    there = {(each.name, each.entity_version) for each in entities(endpoint)}
    wanted = {(each.name, each.entity_version) for each in config.served_entities or ()}
    return there == wanted and split_of(endpoint) == shares_of(config)


def _at_rest(now: Wanted) -> Wanted:
    """Return a document of nothing, so that the next endpoint of that name begins anew."""
    return Wanted() if not now.variants and now != Wanted() else now
