"""How an endpoint changes: the new machines are healthy before the old ones go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from blocks.providers.aws.emulator.alarms import Alarms
from blocks.providers.aws.emulator.fleets import Fleet, Machines, Unhealthy
from blocks.providers.aws.emulator.guardrails import Policy
from blocks.providers.aws.emulator.rolling import Sizes
from blocks.providers.aws.emulator.world import World

_LOOKS = 20  # at the alarms while one share bakes
STUCK = 3600.0  # of the cloud's seconds that a stuck endpoint stays so


@dataclass(slots=True, kw_only=True)
class Coming:
    """What an endpoint is being changed to."""

    settings: dict[str, Any]  # the endpoint configuration
    fleets: Sequence[Fleet]
    began: float
    stage: str = "Creating"  # of its variants


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """What is known of an endpoint. Guarded by the world's lock."""

    name: str
    arn: str
    settings: dict[str, Any]  # its endpoint configuration, also after that was deleted
    created: float
    changed: float
    status: str = "Creating"
    coming: Coming | None = None
    deployment: dict[str, Any] | None = None  # how it was updated last
    reason: str | None = None
    fleets: list[Fleet] = field(default_factory=list)
    arriving: list[Fleet] = field(default_factory=list)  # of an update in steps
    share: float = 0.0  # of the requests that these get

    @property
    def config(self) -> str:
        """The name of its endpoint configuration."""
        return str(self.settings["EndpointConfigName"])

    def live(self) -> list[Fleet]:
        """Return the fleets that answer callers."""
        return [each for each in self.fleets if not each.shadow]

    def shadows(self) -> list[Fleet]:
        """Return the fleets that get copies."""
        return [each for each in self.fleets if each.shadow]

    def move(self, status: str, now: float, *, reason: str | None = None) -> None:
        """Go on to a state."""
        self.status, self.reason, self.changed = status, reason, now


class Changes:
    """Makes one change of an endpoint in a thread of its own."""

    def __init__(
        self, world: World, alarms: Alarms, *, missing: Callable[[str], str | None]
    ) -> None:
        """``missing`` says what is told of an endpoint configuration that is gone."""
        self._world, self._machines, self._alarms = world, Machines(world), alarms
        self._missing = missing

    def begin(self, endpoint: Endpoint, coming: Coming, policy: Policy | None = None) -> None:
        """Bring an endpoint to what comes: step by step, and back when an alarm rings, if told."""
        endpoint.coming = coming
        if policy is None:
            self._run(self._change, endpoint, coming)
        else:
            self._run(self._change_in_steps, endpoint, coming, policy)

    def weigh(self, endpoint: Endpoint) -> None:
        """Let the weights that were asked for be in force."""
        self._run(self._weigh, endpoint)

    def delete(self, endpoint: Endpoint, forget: Callable[[], object]) -> None:
        """Take an endpoint down, and then forget it."""
        self._run(self._delete, endpoint, forget)

    def _change(self, endpoint: Endpoint, coming: Coming) -> None:
        """Bring new fleets up beside the old ones, then let the old ones go."""
        self._stick(endpoint)
        before, fleets = list(endpoint.fleets), coming.fleets
        config = str(coming.settings["EndpointConfigName"])
        kept = {id(new): old for new in fleets for old in before if old.is_like(new)}
        fresh = [each for each in fleets if id(each) not in kept]
        failures = self._brought_up(config, fresh)
        if failures:
            for each in fresh:
                self._machines.take_down(each)
        with self._world.lock:
            endpoint.coming = None
            if failures:
                status = "InService" if before else "Failed"
                endpoint.move(status, self._world.clock.now(), reason=failures[0])
                return
            for new in fleets:
                if id(new) in kept:
                    kept[id(new)].weight = kept[id(new)].wanted = new.weight
                    kept[id(new)].config = config
            endpoint.fleets = [kept.get(id(each), each) for each in fleets]
            endpoint.settings = coming.settings
            endpoint.move("InService", self._world.clock.now())
        for each in before:
            if each not in endpoint.fleets:
                self._machines.take_down(each)

    def _change_in_steps(self, endpoint: Endpoint, coming: Coming, policy: Policy) -> None:
        self._stick(endpoint)
        began, fleets = self._world.clock.now(), coming.fleets
        config = str(coming.settings["EndpointConfigName"])
        before = endpoint.fleets[0] if endpoint.fleets else None
        sizes = Sizes(self._machines, before, fleets, batch=policy.batch, back=policy.back)
        wrong = next(iter(self._brought_up(config, fleets)), None)
        endpoint.arriving, coming.stage = list(fleets), "Baking"
        for share in policy.shares if wrong is None else ():
            sizes.grow(share)
            endpoint.share = share
            if (wrong := self._baked(policy, began)) is not None:
                self._roll_back(endpoint, sizes)
                break
            sizes.shrink(share)
        old = endpoint.fleets if wrong is None else list(fleets)
        if wrong is None:
            until = self._world.clock.now() + policy.termination
            self._world.clock.wait(self._world.closing, until=until)
        with self._world.lock:
            if wrong is None:
                endpoint.fleets, endpoint.settings = list(fleets), coming.settings
            endpoint.arriving, endpoint.share, endpoint.coming = [], 0.0, None
        for each in old:
            self._machines.take_down(each)
        with self._world.lock:
            endpoint.move("InService", self._world.clock.now(), reason=wrong)

    def _roll_back(self, endpoint: Endpoint, sizes: Sizes) -> None:
        with self._world.lock:
            endpoint.move("RollingBack", self._world.clock.now())
        for share in sizes.returned():
            sizes.give_back(share)
            endpoint.share = share

    def _baked(self, policy: Policy, began: float) -> str | None:
        """Watch the alarms for a while; return why all has to go back, or None."""
        clock = self._world.clock
        end = clock.now() + policy.bake
        while True:
            if ringing := self._alarms.ringing(policy.alarms):
                return f"One or more configured alarm(s) in alarm state: {', '.join(ringing)}"
            if clock.now() > began + policy.limit:
                return "The deployment took longer than MaximumExecutionTimeoutInSeconds"
            if clock.now() >= end:
                return None
            pause = min(end, clock.now() + policy.bake / _LOOKS)
            if clock.wait(self._world.closing, until=pause):
                return "the account was closed"

    def _brought_up(self, config: str, fleets: Sequence[Fleet]) -> list[str]:
        """Bring fleets up; return what is wrong, and that is much without their configuration."""
        failures = self._bring_up(fleets)
        with self._world.lock:
            gone = self._missing(config)
        return failures or ([gone] if gone else [])

    def _bring_up(self, fleets: Sequence[Fleet]) -> list[str]:
        """Bring fleets up at once; return what is wrong with those that do not come."""
        failures: list[str] = []

        def one(fleet: Fleet) -> None:
            try:
                self._machines.bring_up(fleet)
            except Unhealthy as error:
                failures.append(str(error))

        threads = [threading.Thread(target=one, args=(each,), daemon=True) for each in fleets]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        return failures

    def _stick(self, endpoint: Endpoint) -> None:
        if self._world.faults.take("stuck-creating", "*", endpoint.name):
            until = self._world.clock.now() + STUCK
            self._world.clock.wait(self._world.closing, until=until)

    def _weigh(self, endpoint: Endpoint) -> None:
        for each in list(endpoint.fleets):
            self._machines.await_size(each)
        with self._world.lock:
            for each in endpoint.fleets:
                each.weight = each.wanted
            endpoint.move("InService", self._world.clock.now())

    def _delete(self, endpoint: Endpoint, forget: Callable[[], object]) -> None:
        fleets, endpoint.fleets = endpoint.fleets, []
        for each in fleets:
            self._machines.take_down(each)
        with self._world.lock:
            forget()

    def _run(self, work: Callable[..., None], *args: Any) -> None:
        threading.Thread(target=work, args=args, daemon=True).start()
