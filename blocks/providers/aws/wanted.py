"""Endpoints by what is wanted of them: it is written down, and looked after until it is so."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from blocks.cloud.serving import CAPTURE_EVERY, CAPTURES
from blocks.contracts import Unavailable, VariantRequest
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.desired import Desired, DesiredStates, Recorded
from blocks.providers.aws.endpoint_rules import is_leaving
from blocks.providers.aws.images import serving_image
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.steering import Seen, Steering

LOOK_EVERY = 0.1  # seconds, at first; twice as long each time
LOOK_AT_MOST = 5.0
POLL_AFTER = timedelta(seconds=15)  # between two looks at a deployment: it takes minutes


class WantedEndpoints:
    """The endpoints of an account, each with the one object that says what it should be."""

    def __init__(
        self,
        account: AwsAccount,
        *,
        image: str = "",
        capture_every: float = 30.0,
        apply_within: float = 60.0,
    ) -> None:
        s3 = account.client
        objects = Objects(s3("s3", attempts=READS), once=s3("s3"))
        self.states = DesiredStates(objects, f"{account.root}/endpoints/{account.named('')}")
        told = {CAPTURES: f"{account.root}/captures", CAPTURE_EVERY: str(capture_every)}
        self._steering = Steering(account, self.states, image=image or serving_image(), told=told)
        self._within = apply_within

    def read(self, endpoint: str) -> Desired | None:
        """Return what is wanted; None if nobody ever wanted it."""
        return self.states.read(endpoint)

    def change(self, endpoint: str, change: Callable[[Desired], Desired]) -> Desired:
        """Want something else, whoever else does at the same time; return what is wanted then."""
        return self.states.change(endpoint, change)

    def look(self, endpoint: str) -> Seen | None:
        """Take an endpoint a step nearer to what is wanted, and return how it is then."""
        return self._steering.look(endpoint)

    def settle(self, endpoint: str, enough: Callable[[Seen], bool]) -> None:
        """Look until it is so. Raises Unavailable: it is written down, and goes on by itself."""
        end, pause = time.monotonic() + self._within, LOOK_EVERY
        while True:
            seen = self.look(endpoint)
            if seen is None or enough(seen):
                return
            if time.monotonic() + pause > end:
                raise Unavailable(
                    f"the change of {endpoint!r} is written down and not yet in force: "
                    f"{seen.problem}",
                    code="NOT_APPLIED",
                    retry_after=POLL_AFTER,
                )
            time.sleep(pause)
            pause = min(2 * pause, LOOK_AT_MOST)

    def take_down(self, endpoint: str) -> None:
        """Want nothing of an endpoint any more, whoever has traffic; gone is fine."""
        if self.read(endpoint) is None:
            return

        def empty(now: Desired) -> Desired:
            for name in now.variants:
                now = now.with_variant(name, None)
            return now.changed(percent={}, mirror=None, recorded=None, moves=now.moves + 1)

        self.change(endpoint, empty)
        self.settle(endpoint, lambda seen: is_leaving(seen, ""))

    def record(self, endpoint: str, recorded: Recorded | None) -> None:
        """Let SageMaker itself keep what an endpoint is asked, and see that it does; or no longer.

        The latter is written down and not waited for.
        """
        known = self.read(endpoint)
        if known is None or known.recorded == recorded:
            return
        self.change(endpoint, lambda now: now.changed(recorded=recorded))
        self.settle(endpoint, lambda seen: recorded is None or seen.in_force)

    def is_queued(self, endpoint: str) -> bool:
        """Whether requests to an endpoint wait in a queue."""
        desired = self.read(endpoint)
        return desired is not None and desired.asynchronous is not None

    def requests(self, endpoint: str) -> Sequence[VariantRequest]:
        """Return what was asked for an endpoint and is still wanted."""
        desired = self.read(endpoint)
        return [each.request for each in desired.variants.values()] if desired else []
