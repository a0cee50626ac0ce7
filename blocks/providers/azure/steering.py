"""Takes an endpoint of Azure a step nearer to what it should be. Any process may, any time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from azure.ai.ml.exceptions import MlException
from azure.core.exceptions import AzureError, HttpResponseError

from blocks.cloud.documents import Documents
from blocks.cloud.wanted import WantedVariant
from blocks.contracts import Conflict, Denied, InvalidRequest, Traffic
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.answers import is_missing, meaning_of
from blocks.providers.azure.changes import Changes
from blocks.providers.azure.endpoint_calls import (
    BUSY,
    READY,
    deployment_name,
    endpoint_name,
    from_endpoint,
)
from blocks.providers.azure.errors import explain
from blocks.providers.azure.lookup import READS, look_for
from blocks.providers.azure.scaling import Scaling, scales
from blocks.providers.azure.splitting import Step, next_step
from blocks.providers.azure.wanted import WantedEndpoint

LAST_WORDS = 1500  # characters of a container's log
_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An endpoint as it should be, and as it is."""

    wanted: WantedEndpoint
    endpoint: Any  # None where there is none
    deployments: Mapping[str, Any] = field(default_factory=dict)  # by their names

    def deployment(self, variant: str) -> Any:
        """Return the deployment of a variant; None while there is none."""
        return self.deployments.get(deployment_name(variant))

    def answers(self, variant: str) -> bool:
        """Whether a variant can be asked."""
        there = self.deployment(variant)
        sound = variant in self.wanted.staying() and not self.wanted.variants[variant].failure
        return sound and there is not None and there.provisioning_state in READY

    def is_scaled(self, variant: WantedVariant) -> bool:
        """Whether what is to be scaled is."""
        known = self.wanted.scaled.get(variant.request.variant)
        return known == variant.token or not scales(variant.request)

    @property
    def in_force(self) -> bool:
        """Whether traffic is split as it should be."""
        if self.endpoint is None or self.endpoint.provisioning_state in BUSY:
            return False
        return from_endpoint(self.endpoint) == self.wanted.traffic

    @property
    def problem(self) -> str:
        """What holds it up."""
        if self.endpoint is None:
            return "there is no endpoint yet"
        return f"it is {self.endpoint.provisioning_state}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the block knows of the endpoints that are made: of which kind they are."""

    endpoint: Callable[[str, Traffic], Any]  # of a name, whose traffic is split so
    deployment: Callable[[WantedVariant], Any]
    scaling: Scaling | None = None  # None: a deployment of this kind scales itself


class Steering:
    """Knows the calls that change endpoints and deployments."""

    def __init__(
        self, account: AzureAccount, wishes: Documents[WantedEndpoint], place: Place
    ) -> None:
        self._account, self._wishes, self._place = account, wishes, place
        self._changes = Changes(account)

    def look(self, name: str) -> Seen | None:
        """Take the endpoint a step further, and return how it is then; None if nobody wants it."""
        wanted = self._wishes.read(name)
        if wanted is None:
            return None
        seen = self._seen(name, wanted)
        if not self._step(name, seen):
            return seen
        return self._seen(name, self._wishes.read(name) or WantedEndpoint())

    def describe(self, name: str, *, patient: bool = False) -> Any:
        """Return an endpoint as it is; None if there is none."""
        get = self._account.ml(attempts=READS).online_endpoints.get
        return look_for(get, endpoint_name(self._account, name), patient=patient)

    def _seen(self, name: str, wanted: WantedEndpoint) -> Seen:
        # One that was asked for may not show yet. Making it anew takes its traffic away, so be sure
        # that it is not there.
        endpoint = self.describe(name, patient=wanted.begun or bool(wanted.moves))
        if endpoint is None:
            return Seen(wanted=wanted, endpoint=None)
        deployments = self._account.ml(attempts=READS).online_deployments
        try:
            found = {each.name: each for each in deployments.list(endpoint.name)}
        except HttpResponseError as error:
            if not is_missing(error):
                raise
            return Seen(wanted=wanted, endpoint=None)  # it went this moment
        return Seen(wanted=wanted, endpoint=endpoint, deployments=found)

    def _step(self, name: str, seen: Seen) -> bool:
        """Do what can be done now; return whether anything was."""
        if seen.endpoint is None:
            return self._begin(name, seen)
        state = seen.endpoint.provisioning_state
        if state in BUSY:
            return False
        if state == "Failed" and not seen.deployments:
            return self._bury(name, seen)
        if not seen.wanted.staying():
            return self._done(self._endpoints.begin_delete, seen.endpoint.name)
        stepped = False
        for variant in seen.wanted.variants.values():
            step = self._step_out if variant.leaving else self._step_in
            stepped = step(name, seen, variant) or stepped
        return self._split(name, seen) or stepped

    def _begin(self, name: str, seen: Seen) -> bool:
        """Make an endpoint for those who want it; who was to leave is gone with the old one."""
        gone = [each for each in seen.wanted.variants.values() if each.leaving]
        for variant in gone:
            self._forget(name, variant)
        begun = any(not each.failure for each in seen.wanted.staying().values())
        self._wishes.change(name, lambda now: now.beginning(begun=begun))
        if not begun:
            return bool(gone)
        return self._put(name, Traffic(percent={})) or bool(gone)

    def _bury(self, name: str, seen: Seen) -> bool:
        """Say why an endpoint could not be made, and remove it."""
        why = self._changes.why(seen.endpoint)
        for variant in seen.wanted.variants.values():
            if variant.leaving:
                self._forget(name, variant)
            elif not variant.failure:
                self._blame(name, variant, why.code, why.message)
        return self._done(self._endpoints.begin_delete, seen.endpoint.name) or True

    def _step_in(self, name: str, seen: Seen, variant: WantedVariant) -> bool:
        """Deploy a variant that is not there, or learn why it is not; return whether it acted."""
        if variant.failure:
            return False
        there = seen.deployment(variant.request.variant)
        if there is None:
            return self._deployed(name, variant, self._place.deployment(variant))
        if there.provisioning_state != "Failed":
            return self._scale(name, seen, variant, there)
        why = self._changes.why(there)
        words = self._last_words(there.name, seen.endpoint.name)
        self._blame(name, variant, why.code, f"{why.message}\n{words}".strip())
        return True

    def _scale(self, name: str, seen: Seen, variant: WantedVariant, there: Any) -> bool:
        """Have a variant scaled that is up; return whether it acted."""
        if seen.is_scaled(variant) or there.provisioning_state in BUSY:
            return False
        if self._place.scaling is not None:
            self._place.scaling.begin(variant.request)
        self._wishes.change(name, lambda now: now.scaling(variant))
        return True

    def _deployed(self, name: str, variant: WantedVariant, asked: Any) -> bool:
        """Begin a deployment; what is refused for good is the variant's failure."""
        try:
            return self._done(self._deployments.begin_create_or_update, asked)
        except (AzureError, MlException) as error:
            known = explain(error)
            if known is None or known.retryable or isinstance(known, Denied):
                raise
            self._blame(name, variant, known.code, str(known))
            return True

    def _step_out(self, name: str, seen: Seen, variant: WantedVariant) -> bool:
        """Take a variant down; forget it once it is gone."""
        there = seen.deployment(variant.request.variant)
        if there is None:
            self._forget(name, variant)
            return True
        now = from_endpoint(seen.endpoint)
        copied = now.mirror is not None and now.mirror.variant == variant.request.variant
        if now.share(variant.request.variant) or copied or there.provisioning_state in BUSY:
            return False
        return self._done(self._deployments.begin_delete, there.name, seen.endpoint.name)

    def _split(self, name: str, seen: Seen) -> bool:
        """Bring traffic nearer to what is wanted; return whether it acted."""
        wanted, now = seen.wanted, from_endpoint(seen.endpoint)
        step = next_step(wanted, now)
        copied = wanted.mirror.variant if wanted.mirror else ""
        if step is Step.TAKE_OVER:  # somebody moved it by hand
            return self._note(name, wanted, lambda found: found.moved(now))
        if step is Step.TELL:
            return self._note(name, wanted, lambda found: found.telling(copied))
        to = {
            Step.END_COPIES: now.model_copy(update={"mirror": None}),
            Step.MOVE_ALONE: Traffic(percent=wanted.percent, etag=now.etag),
            Step.MOVE: wanted.traffic,
        }.get(step)
        if to is None and seen.endpoint.provisioning_state == "Failed":
            to = now  # it is to be changed once more, or it stays so
        if to is None or self._moved_since(name, wanted):
            return False
        return self._put(name, to)

    def _note(
        self,
        name: str,
        wanted: WantedEndpoint,
        how: Callable[[WantedEndpoint], WantedEndpoint],
    ) -> bool:
        """Write something down of the split that was read as wanted, if it still is."""
        self._wishes.change(
            name, lambda found: how(found) if found.moves == wanted.moves else found
        )
        return True

    def _moved_since(self, name: str, wanted: WantedEndpoint) -> bool:
        """Whether somebody wants another split by now; Azure would take the older one, too."""
        now = self._wishes.read(name)
        return now is None or now.moves != wanted.moves

    def _put(self, name: str, traffic: Traffic) -> bool:
        asked = self._place.endpoint(name, traffic)
        return self._done(self._endpoints.begin_create_or_update, asked)

    def _done(self, change: Callable[..., Any], *what: Any) -> bool:
        """Begin a change; return False where another one goes on, or the thing is gone.

        The next look goes on then.
        """
        try:
            change(*what)
        except HttpResponseError as error:
            if meaning_of(error) is Conflict or is_missing(error):
                return False
            raise
        return True

    def _forget(self, name: str, variant: WantedVariant) -> None:
        if self._place.scaling is not None and scales(variant.request):
            self._place.scaling.end(name, variant.request.variant)
        self._wishes.change(name, lambda now: now.without(variant))

    def _blame(self, name: str, variant: WantedVariant, code: str, words: str) -> None:
        failure = words or "Azure does not say why"
        self._wishes.change(name, lambda now: now.noted(variant, failure=failure, code=code))

    def _last_words(self, deployment: str, endpoint: str) -> str:
        """Return the end of the log of a deployment's containers."""
        logs = self._account.ml(attempts=READS).online_deployments
        try:
            return str(logs.get_logs(deployment, endpoint, _LINES))[-LAST_WORDS:]
        except HttpResponseError as error:
            if meaning_of(error) is InvalidRequest or is_missing(error):
                return ""  # no container ever ran
            raise

    @property
    def _endpoints(self) -> Any:
        return self._account.ml().online_endpoints

    @property
    def _deployments(self) -> Any:
        return self._account.ml().online_deployments
