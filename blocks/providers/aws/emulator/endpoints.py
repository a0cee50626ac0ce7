"""SageMaker's endpoints: one change at a time, the old in service until the new one is healthy.

Simpler than the real service in one point: a variant that an update leaves as it is keeps its
machines, where SageMaker may bring up new ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from blocks.providers.aws.emulator.alarms import Alarms
from blocks.providers.aws.emulator.captures import CONFIG as CAPTURE
from blocks.providers.aws.emulator.captures import told_of
from blocks.providers.aws.emulator.endpoint_changes import Changes, Coming, Endpoint
from blocks.providers.aws.emulator.endpoint_configs import PRODUCTION, SHADOW, EndpointConfigs
from blocks.providers.aws.emulator.fleet_answers import told_of_coming, told_of_fleets
from blocks.providers.aws.emulator.fleets import Fleet
from blocks.providers.aws.emulator.guardrails import Policy, policy_of
from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.managed_scaling import bounds_of
from blocks.providers.aws.emulator.models import Models
from blocks.providers.aws.emulator.queued import CONFIG as QUEUE
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.scalable import ScalableTargets
from blocks.providers.aws.emulator.serverless import kind_of, size_of
from blocks.providers.aws.emulator.update_rules import require_same_kind, require_unscaled
from blocks.providers.aws.emulator.weights import check_weights
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]

_IN_PROGRESS = ("Creating", "Updating", "RollingBack", "Deleting")
_WEIGHT = {"VariantPropertyType": "DesiredWeight"}
_COUNT = {"VariantPropertyType": "DesiredInstanceCount"}


class Endpoints:
    """CreateEndpoint and its kin. Every change runs in a thread of its own."""

    def __init__(
        self,
        world: World,
        models: Models,
        configs: EndpointConfigs,
        targets: ScalableTargets,
        alarms: Alarms,
    ) -> None:
        self._world, self._models, self._configs = world, models, configs
        self._targets, self._alarms = targets, alarms
        targets.exists = self._has_variant
        targets.is_managed = self._is_managed
        targets.may_sleep = lambda name: self.queue_of(name) is not None
        self.has_components: Callable[[str], bool] = lambda name: False
        self._changes = Changes(world, alarms, missing=configs.missing)
        self._known: dict[str, Endpoint] = {}
        world.levers["kill-replicas"] = self._kill

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": self.describe,
            "ListEndpoints": self.list,
            "UpdateEndpoint": self.update,
            "UpdateEndpointWeightsAndCapacities": self.weigh,
            "DeleteEndpoint": self.delete,
        }

    def find(self, name: str) -> Endpoint | None:
        """Return an endpoint that can be asked."""
        with self._world.lock:
            found = self._known.get(name)
            return found if found is not None and found.fleets else None

    def is_there(self, name: str) -> bool:
        """Whether there is an endpoint of that name, whatever its state."""
        return name in self._known

    def queue_of(self, name: str) -> Answer | None:
        """Return how an endpoint that can be asked lets requests wait; None if it does not."""
        endpoint = self.find(name)
        return endpoint.settings.get(QUEUE) if endpoint else None

    def capture_of(self, name: str) -> Answer | None:
        """Return what is kept of the traffic of an endpoint that can be asked."""
        endpoint = self.find(name)
        return endpoint.settings.get(CAPTURE) if endpoint else None

    def create(self, asked: Answer) -> Answer:
        """Make an endpoint; its name is unique."""
        name, world = asked["EndpointName"], self._world
        arn = world.arn("endpoint", name)
        if name in self._known:
            told = f'Cannot create already existing endpoint "{arn}".'
            raise AwsError("ValidationException", told)
        if "DeploymentConfig" in asked:
            raise AwsError("UnknownOperationException", "not emulated: DeploymentConfig", 501)
        settings, now = self._configs.of(asked["EndpointConfigName"]), world.clock.now()
        fleets = self._fleets(name, settings, {}, {})
        endpoint = Endpoint(name=name, arn=arn, settings=settings, created=now, changed=now)
        self._known[name] = endpoint
        world.tag(arn, asked.get("Tags"))
        self._changes.begin(endpoint, Coming(settings=settings, fleets=fleets, began=now))
        return {"EndpointArn": arn}

    def describe(self, asked: Answer) -> Answer:
        """Tell of an endpoint."""
        endpoint = self._of(asked["EndpointName"], "sagemaker:DescribeEndpoint")
        return {
            "EndpointName": endpoint.name,
            "EndpointArn": endpoint.arn,
            "EndpointConfigName": endpoint.config,
            "EndpointStatus": endpoint.status,
            "FailureReason": endpoint.reason,
            "CreationTime": endpoint.created,
            "LastModifiedTime": endpoint.changed,
            PRODUCTION: told_of_fleets(endpoint.live()),
            SHADOW: told_of_fleets(endpoint.shadows()),
            "PendingDeploymentSummary": told_of_coming(endpoint.coming),
            "LastDeploymentConfig": endpoint.deployment,
            CAPTURE: told_of(endpoint.settings.get(CAPTURE)),
            QUEUE: endpoint.settings.get(QUEUE),
        }

    def list(self, asked: Answer) -> Answer:
        """List endpoints."""
        found = [
            {
                "EndpointName": each.name,
                "EndpointArn": each.arn,
                "CreationTime": each.created,
                "LastModifiedTime": each.changed,
                "EndpointStatus": each.status,
            }
            for each in self._known.values()
        ]
        some, token = listed(found, asked, "Endpoint")
        return {"Endpoints": some, "NextToken": token}

    def update(self, asked: Answer) -> Answer:
        """Bring an endpoint to another configuration."""
        endpoint = self._idle(asked["EndpointName"])
        self._configs.of(endpoint.config)  # without the old one there is no way to the new one
        settings = self._configs.of(asked["EndpointConfigName"])
        keep = asked.get("RetainAllVariantProperties", False)
        excluded = asked.get("ExcludeRetainedVariantProperties", [])
        live = {each.name: each for each in endpoint.live()} if keep else {}
        fleets = self._fleets(
            endpoint.name,
            settings,
            {} if _WEIGHT in excluded else {name: each.wanted for name, each in live.items()},
            {} if _COUNT in excluded else {name: each.count for name, each in live.items()},
        )
        require_unscaled(endpoint, fleets, scaled=self._targets.of(endpoint.name))
        require_same_kind(endpoint, settings)
        kept = endpoint.deployment if asked.get("RetainDeploymentConfig") else None
        deployment = asked.get("DeploymentConfig", kept)
        policy = self._policy(endpoint, fleets, deployment) if deployment else None
        endpoint.deployment = deployment
        now = self._world.clock.now()
        endpoint.move("Updating", now)
        self._changes.begin(endpoint, Coming(settings=settings, fleets=fleets, began=now), policy)
        return {"EndpointArn": endpoint.arn}

    def weigh(self, asked: Answer) -> Answer:
        """Give variants other weights."""
        endpoint = self._idle(asked["EndpointName"])
        there = {each.name: each for each in endpoint.fleets}
        wanted = asked["DesiredWeightsAndCapacities"]
        check_weights(wanted, there, queued=QUEUE in endpoint.settings)
        for each in wanted:
            fleet = there[each["VariantName"]]
            fleet.wanted = float(each.get("DesiredWeight", fleet.wanted))
            fleet.count = int(each.get("DesiredInstanceCount", fleet.count))
        endpoint.move("Updating", self._world.clock.now())
        self._changes.weigh(endpoint)
        return {"EndpointArn": endpoint.arn}

    def delete(self, asked: Answer) -> Answer:
        """Take an endpoint down."""
        endpoint = self._of(asked["EndpointName"], "sagemaker:DeleteEndpoint")
        if endpoint.status in _IN_PROGRESS:
            told = f'Cannot delete in-progress endpoint "{endpoint.arn}".'
            raise AwsError("ValidationException", told)
        if self.has_components(endpoint.name):
            told = f'Cannot delete endpoint "{endpoint.arn}" with inference components.'
            raise AwsError("ValidationException", told)
        endpoint.move("Deleting", self._world.clock.now(), reason=endpoint.reason)
        self._targets.forget(endpoint.name)
        self._changes.delete(endpoint, lambda: self._known.pop(endpoint.name))
        return {}

    def _fleets(
        self,
        endpoint: str,
        settings: Answer,
        weights: Mapping[str, float],
        counts: Mapping[str, int],
    ) -> Sequence[Fleet]:
        """Return the fleets of a configuration; what is retained comes before what it says."""
        config = settings["EndpointConfigName"]
        live = [
            self._fleet(
                endpoint,
                config,
                each,
                weights.get(each["VariantName"]),
                counts.get(each["VariantName"]),
            )
            for each in settings[PRODUCTION]
        ]
        shadows = [
            self._fleet(endpoint, config, each, shadow=True) for each in settings.get(SHADOW, [])
        ]
        return [*live, *shadows]

    def _fleet(
        self,
        endpoint: str,
        config: str,
        variant: Answer,
        weight: float | None = None,
        count: int | None = None,
        *,
        shadow: bool = False,
    ) -> Fleet:
        weight = float(variant.get("InitialVariantWeight", 1.0)) if weight is None else weight
        name = variant.get("ModelName")
        model = self._models.describe({"ModelName": name}) if name else {}
        return Fleet(
            endpoint=endpoint,
            config=config,
            variant=variant,
            model=model,
            shadow=shadow,
            weight=weight,
            wanted=weight,
            count=size_of(variant) if count is None else count,
        )

    def _of(self, name: str, call: str) -> Endpoint:
        found = self._known.get(name)
        if found is None or self._world.faults.take("stale-read", call, name):
            arn = self._world.arn("endpoint", name)
            raise AwsError("ValidationException", f'Could not find endpoint "{arn}".')
        return found

    def _idle(self, name: str) -> Endpoint:
        found = self._of(name, "sagemaker:UpdateEndpoint")
        if found.status != "InService" or self._world.faults.take("in-progress", "*", name):
            told = f'Cannot update in-progress endpoint "{found.arn}".'
            raise AwsError("ValidationException", told)
        return found

    def _has_variant(self, name: str, variant: str) -> bool:
        endpoint = self._known.get(name)
        return endpoint is not None and variant in {each.name for each in endpoint.live()}

    def _is_managed(self, name: str, variant: str) -> bool:
        live = self._known[name].live()
        return any(each.name == variant and bounds_of(each.variant) for each in live)

    def _policy(
        self, endpoint: Endpoint, fleets: Sequence[Fleet], deployment: Answer
    ) -> Policy | None:
        before, after = (
            {each.name: kind_of(each.variant) for each in some}
            for some in (endpoint.live(), fleets)
        )
        policy = policy_of(deployment, before, after, machines=fleets[0].count)
        self._alarms.require(policy.alarms if policy else ())
        return policy

    def _kill(self, said: Answer) -> int:
        """Kill the servers of a variant, as a machine that breaks; return how many."""
        with self._world.lock:
            endpoint = self._known[said["endpoint"]]
            found = [each for each in endpoint.fleets if each.name == said["variant"]]
        killed = [replica for fleet in found for replica in fleet.replicas]
        for replica in killed:
            replica.container.end()
        return len(killed)
