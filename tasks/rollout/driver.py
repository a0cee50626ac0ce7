"""Drives one rollout from its journal: write down, do, read back.

Whoever dies here leaves a journal that says what was going to be done; every act may be repeated,
so the next process does it again and goes on.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from blocks.contracts import (
    Conflict,
    Endpoints,
    Mirror,
    ModelRegistry,
    ModelVersion,
    Monitor,
    ObjectStore,
    OperationStatus,
    Phase,
    RunKey,
    Traffic,
    Unavailable,
    Variant,
    VariantRequest,
)
from tasks import showing
from tasks.audit.entries import this_process
from tasks.audit.log import AuditLog
from tasks.audit.rollouts import ACTS, deeds_of
from tasks.log_fields import about
from tasks.promotion.promotion import require_champion
from tasks.rollout.journal import CLOSED, Entry, Event, Journal, RolloutInProgress, is_open
from tasks.rollout.looks import moment
from tasks.rollout.progress import RolloutProgress
from tasks.rollout.spec import RolloutSpec
from tasks.waiting import Pace, patiently, wait

MOVED, ENDED = "bluewater.rollout.moved", "bluewater.rollout.ended"
"""Events about ``bluewater.endpoint.<name>``: an entry was written; no more will follow."""

NOT_READY = "NOT_READY"  # code of the conflict when a variant with a share has no server


class Worse(Exception):
    """Green must not go on; the message says why."""


class NoWayBack(Exception):
    """Green must not go on, and had all traffic before: it keeps it, and the rollout is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The contracts that a rollout works through."""

    endpoints: Endpoints
    monitor: Monitor
    models: ModelRegistry
    store: ObjectStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to become of an endpoint."""

    model: ModelVersion
    alias: str
    run: str
    spec: RolloutSpec
    beaten: str | None = None  # version that it was compared with, "" = none; None = any

    def request(self) -> VariantRequest:
        """Return the request for green; it is named after the model version."""
        spec = self.spec
        return VariantRequest(
            endpoint=spec.endpoint,
            variant=f"v{self.model.version}",
            model=self.model,
            machine=spec.machine,
            min_replicas=spec.min_replicas,
            max_replicas=spec.max_replicas,
            serving=spec.serving,
            capture=spec.capture,
        )


class Driver:
    """One process's hold on one rollout."""

    def __init__(self, ports: Ports, wish: Wish, pace: Pace) -> None:
        self.ports, self.wish, self.pace, self.spec = ports, wish, pace, wish.spec
        by = f"{this_process()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.journal = Journal(ports.store, self.spec.endpoint, by=by)
        self.audit = AuditLog(ports.store)
        self.entries: list[Entry] = []
        title = f"Rollout of {wish.model.name} {wish.model.version} to {self.spec.endpoint}"
        self._progress = RolloutProgress(title)

    def take_up(self) -> bool:
        """Begin the rollout, or take it up where it was left; False if it has ended before.

        Raises RolloutInProgress while the endpoint is in the middle of another run's rollout, and
        ChampionMoved if the version that was beaten is not the champion any more.
        """
        self.entries = list(self.journal.current())
        # who died between an entry and its line in the audit log left a line to write
        self.audit.once(*deeds_of(self.spec.endpoint, self.entries))
        mine = bool(self.entries) and self.entries[0].run == self.wish.run
        if mine and not is_open(self.entries):
            return False
        if mine:
            self.note(Event.TAKEN_UP)
            return True
        if is_open(self.entries):
            first, last = self.entries[0], self.entries[-1]
            raise RolloutInProgress(
                f"endpoint {self.spec.endpoint!r} is in the rollout of run {first.run!r} since "
                f"{first.at:%Y-%m-%d %H:%M:%S} UTC (now: {last.event}); start that run again to "
                "finish it, or take it back with `bluewater rollback`"
            )
        self._begin()
        return True

    def note(self, event: Event, *, why: str = "", percent: int | None = None) -> Entry:
        """Write an entry down before acting on it."""
        entry = Entry(
            number=0,
            at=moment(self.pace.clock()),
            run=self.wish.run,
            by="",
            event=event,
            why=why,
            percent=percent,
        )
        self.entries.append(self.journal.append(entry))
        self._account_for(self.entries[-1])
        showing.logger().info(
            "%s: %s%s %s", self.spec.endpoint, event, f" {percent} %" if percent else "", why
        )
        payload = {"entry": event.value, "percent": percent, "why": why, "run": self.wish.run}
        told = ENDED if event in CLOSED else MOVED
        showing.event(told, f"endpoint.{self.spec.endpoint}", payload)
        self._progress.at(event, percent or 0)
        return self.entries[-1]

    def happened(self, event: Event) -> Entry | None:
        """Return the newest entry that says so."""
        return next((entry for entry in reversed(self.entries) if entry.event is event), None)

    @property
    def green(self) -> VariantRequest:
        """The request that this rollout began with."""
        request = self.entries[0].green
        if request is None:
            raise Worse("the journal's first entry names no variant")
        return request

    @property
    def blue(self) -> str | None:
        """The variant that was live when the rollout began."""
        return self.entries[0].blue

    def deploy(self) -> OperationStatus[Variant]:
        """Bring green up without traffic, or find it up. Raises Worse if it does not get ready."""
        key = RunKey(run=self.wish.run, step=f"deploy {self.spec.endpoint}")
        endpoints, within = self.ports.endpoints, self.spec.deploy_within
        deploy = partial(endpoints.deploy, self.green, key=key)
        ref = patiently(deploy, within=within, pace=self.pace)
        with about(provider=ref.provider, deployment=ref.id):
            showing.logger().info("%s: waits until %s is ready", self.spec.endpoint, ref.id)
            status = wait(partial(endpoints.status, ref), within=within, pace=self.pace)
        if status.phase is not Phase.SUCCEEDED:
            failure = status.failure
            raise Worse(f"green never got ready: {failure.message if failure else status.phase}")
        return status

    def split(self, percent: int, *, mirror: int | None = None) -> bool:
        """Give green its share and the rest to blue; return whether that was not so already."""
        green, blue = self.green.variant, self.blue
        shares = {green: percent} if blue is None else {blue: 100 - percent, green: percent}
        to = Traffic(
            percent={name: share for name, share in shares.items() if share},
            mirror=Mirror(variant=green, percent=mirror) if mirror else None,
        )
        return self._shift(to)

    def may_return(self) -> bool:
        """Whether traffic can leave green: for blue, or because green has none of it."""
        if self.blue is not None:
            return True
        traffic = partial(self.ports.endpoints.traffic, self.spec.endpoint)
        now = patiently(traffic, within=self.spec.deploy_within, pace=self.pace)
        return not now.share(self.green.variant)

    def restore(self) -> None:
        """Give blue everything, take green down, and point the alias back at blue's model."""
        if self.blue is not None:
            self._shift(Traffic(percent={self.blue: 100}))
            back = self._point_alias_back
            patiently(back, within=self.spec.deploy_within, pace=self.pace)
        self._retire(self.green.variant)

    def promote(self) -> None:
        """Point the registry's alias at green's model."""
        models, model, alias = self.ports.models, self.wish.model, self.wish.alias

        def promote() -> None:
            now = models.resolve(model.name, alias)
            self.journal.require_last()
            models.promote(model, alias, replacing=now, by=self.wish.run)

        patiently(promote, within=self.spec.deploy_within, pace=self.pace)

    def retire_blue(self) -> None:
        """Take the version before down."""
        if self.blue is not None:
            self._retire(self.blue)

    def _begin(self) -> None:
        endpoints, name = self.ports.endpoints, self.spec.endpoint
        if (beaten := self.wish.beaten) is not None:
            model, alias = self.wish.model.name, self.wish.alias
            require = partial(require_champion, self.ports.models, model, alias, beaten=beaten)
            patiently(require, within=self.spec.deploy_within, pace=self.pace)
        traffic = endpoints.traffic(name)
        green = self.wish.request()
        blue = max(traffic.percent, key=traffic.share, default=None)
        if blue == green.variant:
            blue = None
        entry = Entry(
            number=0,
            at=moment(self.pace.clock()),
            run=self.wish.run,
            by="",
            event=Event.BEGUN,
            green=green,
            blue=blue,
            blue_model=_served_by(endpoints.variants(name), blue),
            before=traffic,
            alias=self.wish.alias,
            spec=self.spec,
        )
        self.entries = [self.journal.append(entry)]
        self._account_for(self.entries[-1])
        showing.logger().info(
            "%s: %s takes over from %s", name, green.variant, blue or "nothing: it is new"
        )

    def _account_for(self, entry: Entry) -> None:
        """Write into the audit log what the journal says now, before it is done."""
        told = [*deeds_of(self.spec.endpoint, self.entries)]
        for deed in told[-1:] if entry.event in ACTS else ():
            end = self.audit.append(deed)
            showing.logger().info("audit line %s: %s", end.number, end.digest)

    def _shift(self, to: Traffic) -> bool:
        """Move the traffic; return whether it was not there already."""
        endpoints, name = self.ports.endpoints, self.spec.endpoint

        def move() -> bool:
            now = endpoints.traffic(name)
            if (now.percent, now.mirror) == (to.percent, to.mirror):
                return False
            self.journal.require_last()
            try:
                endpoints.shift(name, to, since=now)
            except Conflict as error:
                if error.code != NOT_READY:
                    raise
                # it was ready once: its server has died, and is being started again
                raise Unavailable(str(error), code=NOT_READY) from error
            return True

        return patiently(move, within=self.spec.deploy_within, pace=self.pace)

    def _retire(self, variant: str) -> None:
        def retire() -> None:
            self.journal.require_last()
            self.ports.endpoints.retire(self.spec.endpoint, variant)

        patiently(retire, within=self.spec.deploy_within, pace=self.pace)

    def _point_alias_back(self) -> None:
        models, alias, before = self.ports.models, self.wish.alias, self.entries[0].blue_model
        green = self.green.model
        if before is None or models.resolve(green.name, alias) != green:
            return
        try:
            models.promote(before, alias, replacing=green, by=self.wish.run)
        except Conflict:
            showing.logger().warning("alias %s was moved meanwhile; it stays there", alias)


def _served_by(variants: Sequence[Variant], name: str | None) -> ModelVersion | None:
    return next((variant.model for variant in variants if variant.name == name), None)
