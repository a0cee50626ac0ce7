"""Takes an endpoint of SageMaker a step nearer to what it should be. Any process may, any time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from blocks.cloud.logged_ticks import TICK
from blocks.contracts import VariantRequest
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.backlog_scaling import BacklogScaling
from blocks.providers.aws.desired import Attempt, Desired, DesiredStates, DesiredVariant
from blocks.providers.aws.endpoint_calls import (
    BUSY,
    config_name,
    holds,
    moment,
    to_weights,
)
from blocks.providers.aws.errors import code_of
from blocks.providers.aws.lookup import READS, UNKNOWN, Described, look_for
from blocks.providers.aws.parts import Parts
from blocks.providers.aws.scaling import Scaling, leaving, missing, scaled, unscaled

LAST_WORDS = 1500  # characters of a container's log
_IN_PROGRESS = "in-progress endpoint"  # SageMaker's word; it may be over when one looks again


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An endpoint as it is, and as it should be."""

    desired: Desired
    endpoint: Described | None

    @property
    def in_force(self) -> bool:
        """Whether it is what it should be, weights included."""
        if self.endpoint is None or not self.desired.served():
            return self.endpoint is None and not self.desired.served()
        return (
            self.endpoint["EndpointStatus"] == "InService"
            and holds(self.endpoint["EndpointConfigName"], self.desired)
            and not to_weights(self.desired, self.endpoint)
        )

    @property
    def problem(self) -> str:
        """What SageMaker says is wrong, or what it is doing."""
        if self.endpoint is None:
            return "there is no endpoint yet"
        status = str(self.endpoint["EndpointStatus"])
        return str(self.endpoint.get("FailureReason") or f"it is {status}")


class Steering:
    """Knows the calls that change endpoints."""

    def __init__(
        self, account: AwsAccount, states: DesiredStates, *, image: str, told: Mapping[str, str]
    ) -> None:
        self._account, self._states = account, states
        self._parts = Parts(account, image=image, told=told)
        self._scaling, self._backlogs = Scaling(account), BacklogScaling(account)
        self._sagemaker = account.client("sagemaker")
        self._reads = account.client("sagemaker", attempts=READS)

    def look(self, name: str) -> Seen | None:
        """Take the endpoint a step further, and return how it is then; None if nobody wants it."""
        desired = self._states.read(name)
        if desired is None:
            return None
        endpoint = self._describe(name)
        if endpoint is not None and endpoint["EndpointStatus"] in BUSY:
            return Seen(desired=desired, endpoint=endpoint)
        desired = self._step(name, desired, endpoint)
        return Seen(desired=desired, endpoint=self._describe(name))

    def _step(self, name: str, desired: Desired, endpoint: Described | None) -> Desired:
        if endpoint is None:
            if desired.served():
                return self._begin(name, desired, None)
            return self._tidy(name, desired, None)
        if not desired.served():
            desired = self._unscale(name, desired)
            self._delete(name)
            return desired
        if endpoint["EndpointStatus"] == "Failed":
            return self._bury(name, desired, endpoint)
        if holds(endpoint["EndpointConfigName"], desired):
            return self._settle(name, desired, endpoint)
        failed = self._has_failed(desired, endpoint)
        return (self._blame if failed else self._begin)(name, desired, endpoint)

    def _begin(self, name: str, desired: Desired, endpoint: Described | None) -> Desired:
        """Write down what is tried, and then try it."""
        seen = moment(endpoint.get("LastModifiedTime")) if endpoint else ""
        before = desired.attempt

        def note(now: Desired) -> Desired:
            if now.revision != desired.revision:
                return now  # somebody wants something else by now: the next look does that
            attempt = Attempt(config=self._account.named(config_name(name, now)), seen=seen)
            if before and before.seen == seen and holds(before.config, now):
                return now  # it was written down and never done
            configs = (*now.configs, attempt.config)
            # the name has to stay true: a revision is not counted up for writing this down
            return now.model_copy(update={"attempt": attempt, "configs": configs})

        now = self._states.change(name, note)
        if now.attempt is None or not holds(now.attempt.config, now):
            return now
        self._parts.make(now, now.attempt.config)
        call = {"EndpointName": self._account.named(name), "EndpointConfigName": now.attempt.config}
        if endpoint is None:
            self._parts.unless_there(
                self._sagemaker.create_endpoint, **call, Tags=self._account.tags()
            )
        else:
            now = self._unscale(name, now)
            self._unless_busy(
                name,
                self._sagemaker.update_endpoint,
                **call,
                RetainAllVariantProperties=True,
                ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredWeight"}],
            )
        return now

    def _has_failed(self, desired: Desired, endpoint: Described) -> bool:
        """Whether what was tried last is what is wanted, and SageMaker came back from it."""
        attempt = desired.attempt
        return (
            attempt is not None
            and holds(attempt.config, desired)
            and moment(endpoint.get("LastModifiedTime")) != attempt.seen
            and bool(endpoint.get("FailureReason"))
        )

    def _blame(self, name: str, desired: Desired, endpoint: Described) -> Desired:
        """Leave out who was new in a change that failed; if nobody was, try it once more."""
        new = _newcomer(desired)
        if not new:
            again = desired.model_copy(update={"attempt": None})
            return self._begin(name, again, endpoint)
        words = f"{endpoint.get('FailureReason', '')} {self._last_words(name, new)}".strip()

        def blame(now: Desired) -> Desired:
            variant = now.variants.get(new)
            if variant is None or variant != desired.variants[new]:
                return now
            failed = variant.model_copy(update={"failure": words})
            return now.with_variant(new, failed).model_copy(update={"attempt": None})

        return self._states.change(name, blame)

    def _bury(self, name: str, desired: Desired, endpoint: Described) -> Desired:
        """An endpoint that could not be created can only be deleted; it is made again without."""
        if _newcomer(desired) and holds(endpoint["EndpointConfigName"], desired):
            desired = self._blame(name, desired, endpoint)
        self._delete(name)
        return desired

    def _settle(self, name: str, desired: Desired, endpoint: Described) -> Desired:
        """The right configuration is in force: prove who is in it, weigh, and tidy up."""
        if any(not each.proven for each in desired.served().values()):
            return self._states.change(name, lambda now: _proven(now, desired.served()))
        desired = self._scale(name, desired)
        if weights := to_weights(desired, endpoint):
            self._unless_busy(
                name,
                self._sagemaker.update_endpoint_weights_and_capacities,
                EndpointName=self._account.named(name),
                DesiredWeightsAndCapacities=weights,
            )
            return desired
        return self._tidy(name, desired, endpoint)

    def _scale(self, name: str, desired: Desired) -> Desired:
        """Let the size of variants in service follow their traffic, where that is wanted."""
        new = missing(desired)
        for variant in new:
            self._follow(self._account.named(name), desired, desired.variants[variant].request)
        return self._states.change(name, lambda now: scaled(now, new)) if new else desired

    def _follow(self, endpoint: str, desired: Desired, request: VariantRequest) -> None:
        self._scaling.bound(endpoint, request)
        if desired.asynchronous is None:
            self._scaling.follow_requests(endpoint, request)
        else:
            self._backlogs.begin(endpoint, request, desired.asynchronous)

    def _unscale(self, name: str, desired: Desired) -> Desired:
        """Let go of variants whose size follows their traffic, before they may leave."""
        old = leaving(desired)
        for variant in old:
            self._scaling.end(self._account.named(name), variant)
        if old and desired.asynchronous is not None:
            self._backlogs.end(self._account.named(name))
        return self._states.change(name, lambda now: unscaled(now, old)) if old else desired

    def _tidy(self, name: str, desired: Desired, endpoint: Described | None) -> Desired:
        """Remove configurations and models that nobody needs; only now, with the new in service."""
        kept = {endpoint["EndpointConfigName"]} if endpoint else set()
        used = {each.model for each in desired.variants.values()}
        configs = [each for each in desired.configs if each not in kept]
        models = [each for each in desired.models if each.removesuffix("-copies") not in used]
        if not configs and not models:
            return desired
        self._parts.remove(configs, models)

        def forget(now: Desired) -> Desired:
            left = {
                "configs": tuple(each for each in now.configs if each not in configs),
                "models": tuple(each for each in now.models if each not in models),
            }
            return now.model_copy(update=left)

        return self._states.change(name, forget)

    def _describe(self, name: str) -> Described | None:
        describe = self._reads.describe_endpoint
        return look_for(describe, "EndpointName", self._account.named(name), patient=False)

    def _last_words(self, name: str, variant: str) -> str:
        """Return the end of the log of a variant's containers."""
        logs = self._account.client("logs", attempts=READS)
        try:
            pages = logs.get_paginator("filter_log_events").paginate(
                logGroupName=log_group(self._account.named(name)), logStreamNamePrefix=f"{variant}/"
            )
            lines = [each["message"] for page in pages for each in page["events"]]
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return ""
            raise
        return "\n".join(line for line in lines if not line.startswith(TICK))[-LAST_WORDS:]

    def _delete(self, name: str) -> None:
        self._unless_busy(
            name, self._sagemaker.delete_endpoint, EndpointName=self._account.named(name)
        )

    def _unless_busy(self, name: str, change: Any, **call: Any) -> None:
        try:
            change(**call)
        except ClientError as error:
            # somebody else was first, and who looked sees that later; the next look goes on
            if code_of(error) not in UNKNOWN or not (
                _IN_PROGRESS in str(error) or self._busy(name)
            ):
                raise

    def _busy(self, name: str) -> bool:
        endpoint = self._describe(name)
        return endpoint is not None and endpoint["EndpointStatus"] in BUSY


def log_group(endpoint: str) -> str:
    """Return the log group that SageMaker keeps for an endpoint."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def _newcomer(desired: Desired) -> str:
    """Return the variant that was never in service and comes in now; empty for none."""
    return next((name for name, each in desired.served().items() if not each.proven), "")


def _proven(now: Desired, served: Mapping[str, DesiredVariant]) -> Desired:
    variants = {
        name: each.model_copy(update={"proven": True}) if served.get(name) == each else each
        for name, each in now.variants.items()
    }
    return now.changed(variants=variants)
