"""The way of a version through its rollout: ready, shadow, steps, live, or back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial

from tasks import showing
from tasks.promotion.stage import show_champion
from tasks.rollout.bake import Bake
from tasks.rollout.driver import Driver, NoWayBack, Worse
from tasks.rollout.journal import Event
from tasks.rollout.looks import Looks, moment
from tasks.rollout.moves import SETTLING, Move
from tasks.rollout.plot import draw
from tasks.rollout.report import RolloutReport, to_report
from tasks.rollout.smoke import answered, smoke, warm
from tasks.rollout.verdict import Decision
from tasks.waiting import OUTAGE, patiently


class Rollout:
    """One rollout, from wherever its journal is to its end."""

    def __init__(self, driver: Driver) -> None:
        self.driver, self.spec, self.pace = driver, driver.spec, driver.pace
        self.live: Looks | None = None
        self.url = ""

    def through(self) -> RolloutReport:
        """Go through all stages, from wherever the journal is."""
        driver = self.driver
        if driver.take_up():
            try:
                if taken_back := driver.happened(Event.RETURNING):
                    raise Worse(taken_back.why)
                self._ready()
                self._shadow()
                self._steps()
                self._live()
            except Worse as worse:
                self._give_back(str(worse))
        return self._report()

    def back(self, why: str) -> RolloutReport:
        """Take the rollout up only to end it: everything goes back to blue."""
        if self.driver.take_up():
            self._give_back(why)
        return self._report()

    def _ready(self) -> None:
        """Deploy green and ask it through the contract, before anybody else does."""
        driver, endpoints = self.driver, self.driver.ports.endpoints
        variant = driver.deploy().result
        self.url = variant.url if variant else ""
        if driver.happened(Event.READY):
            return
        if not endpoints.features.direct:
            driver.note(Event.READY, why="not asked alone: this provider cannot")
            return
        request = json.loads(driver.ports.store.read(self.spec.smoke_request))
        ask = partial(endpoints.predict, self.spec.endpoint, variant=driver.green.variant)
        found = smoke(
            answered(ask, self.pace),
            request,
            serving=self.spec.serving,
            compared=self.spec.rules.predictions,
        )
        if found.problems:
            raise Worse("green does not keep the contract: " + "; ".join(found.problems))
        warm(ask, request, within=self.spec.rules.warm_up, clock=self.pace.clock)
        driver.note(Event.READY, why=found.summary)

    def _shadow(self) -> None:
        """Compare on copies of live requests, whose answers nobody sees."""
        driver, shadow = self.driver, self.spec.shadow
        if driver.blue is None or shadow is None or driver.happened(Event.STEP):
            return
        if not driver.ports.endpoints.features.mirror:
            showing.logger().warning("no shadow: this provider cannot mirror requests")
            return
        entry = driver.happened(Event.SHADOW) or driver.note(Event.SHADOW)
        most = driver.ports.endpoints.features.mirror_at_most
        if shadow.percent > most:
            showing.logger().warning("shadow: %d %%; this provider mirrors no more", most)
        mirrored = min(shadow.percent, most)
        changed = driver.split(0, mirror=mirrored)
        looks = self._looks(entry.at, mirrored=True)
        looks.moved(self._move(entry.at, mirrored / (100 + mirrored), changed=changed))
        until = entry.at + shadow.duration
        while (now := moment(self.pace.clock())) < until:
            self._judge(looks, now, 0)
            self.pace.pause()

    def _steps(self) -> None:
        """Give green more and more, as long as nothing speaks against it."""
        driver, last = self.driver, self.driver.happened(Event.STEP)
        reached = last.percent or 0 if last else 0
        if driver.blue is None:
            if not last:
                driver.note(Event.STEP, percent=100, why="there is no version before")
            driver.split(100)
            return
        why = ""  # of going on from the step before
        for percent in self.spec.steps:
            if percent < reached:
                continue
            entry = last if last and percent == reached else None
            entry = entry or driver.note(Event.STEP, percent=percent, why=why)
            changed = driver.split(percent)
            if percent < 100:
                self._live_looks(entry.at).moved(
                    self._move(entry.at, percent / 100, changed=changed)
                )
                why = self._stay(entry.at, percent)

    def _stay(self, since: datetime, percent: int) -> str:
        """Look until there is a reason to go on, and return it. Raises Worse if green must not."""
        looks = self._live_looks(since)
        last_comparison = percent == max(
            (step for step in self.spec.steps if step < 100), default=0
        )
        patient_until = since + self.spec.patience
        while True:
            now = moment(self.pace.clock())
            decision = self._judge(looks, now, percent, since=since)
            enough = (
                looks.requests >= self.spec.step_requests and now - since >= self.spec.step_duration
            )
            if enough and (not last_comparison or decision is Decision.GO_ON):
                return looks.verdict().explain()
            if now >= patient_until:
                why = self._unsure(percent, now - since, looks)
                if self.spec.on_little_traffic == "go_on":
                    return why
                patient_until = now + self.spec.patience
            self.pace.pause()

    def _unsure(self, percent: int, after: timedelta, looks: Looks) -> str:
        """Tell that there is too little traffic; raise Worse if green is then to return."""
        policy = self.spec.on_little_traffic
        why = (
            f"no harm seen after {after} at {percent} %, and not enough traffic to be "
            f"sure ({looks.requests} requests on green): {looks.verdict().explain()}"
        )
        if policy == "return":
            raise Worse(why)
        showing.logger().warning("%s; on_little_traffic is %s", why, policy)
        return why

    def _live(self) -> None:
        """Green has everything: name it, keep blue warm for a while, take blue down."""
        driver = self.driver
        entry = driver.happened(Event.LIVE) or driver.note(Event.LIVE)
        driver.promote()
        show = partial(show_champion, driver.ports.models, driver.wish.model, driver.wish.alias)
        patiently(show, within=self.spec.deploy_within, pace=self.pace)
        if driver.blue is not None:
            self._bake(entry.at, entry.at + self.spec.bake)
        driver.retire_blue()
        driver.note(Event.FINISHED)

    def _bake(self, since: datetime, until: datetime) -> None:
        bake = Bake(
            self.driver.ports.monitor,
            self.spec.endpoint,
            green=self.driver.green.variant,
            start=since,
            limit=self.spec.bake_error_limit,
        )
        while (now := moment(self.pace.clock())) < until:
            if why := patiently(partial(bake.again, now), within=OUTAGE, pace=self.pace):
                raise Worse(why)
            self.pace.pause()

    def _judge(
        self, looks: Looks, now: datetime, percent: int, *, since: datetime | None = None
    ) -> Decision:
        look = partial(looks.again, now, percent, since=since)
        decision = patiently(look, within=OUTAGE, pace=self.pace)
        if decision is Decision.RETURN:
            raise Worse(looks.verdict().explain())
        there = partial(self.driver.ports.endpoints.variants, self.spec.endpoint)
        variants = patiently(there, within=OUTAGE, pace=self.pace)
        green = next((each for each in variants if each.name == self.driver.green.variant), None)
        if green is None:
            raise Worse("green is gone")
        return decision

    def _give_back(self, why: str) -> None:
        driver = self.driver
        if not driver.may_return():
            driver.note(Event.FINISHED, why=why)
            raise NoWayBack(f"{driver.green.variant} keeps all traffic, nothing was before: {why}")
        if not driver.happened(Event.RETURNING):
            driver.note(Event.RETURNING, why=why)
        driver.restore()
        driver.note(Event.RETURNED, why=why)

    def _looks(self, start: datetime, *, mirrored: bool) -> Looks:
        # asked alone until quick, or by copies of live requests
        direct = self.driver.ports.endpoints.features.direct
        shadowed = not mirrored and self.driver.happened(Event.SHADOW) is not None
        return Looks(
            self.driver.ports.monitor,
            self.spec.endpoint,
            self.spec.rules,
            blue=self.driver.blue or "",
            green=self.driver.green.variant,
            start=start,
            mirrored=mirrored,
            warmed=direct or shadowed,
            every=self.pace.every,
        )

    def _live_looks(self, since: datetime) -> Looks:
        """Return what is looked at from the first step on; ``since`` is when the last one began."""
        if self.live is None:
            steps = [entry for entry in self.driver.entries if entry.event is Event.STEP]
            self.live = self._looks(steps[0].at, mirrored=False)
            for step in steps:
                if step.at < since:  # by a process before this one
                    self.live.moved(self._move(step.at, (step.percent or 0) / 100, changed=False))
        return self.live

    def _move(self, since: datetime, share: float, *, changed: bool) -> Move:
        """Return when green's share moved; who finds it there does not know exactly."""
        now = datetime.fromtimestamp(self.pace.clock(), UTC)
        end = now if changed else min(now, since + SETTLING)
        return Move(start=since, end=end, share=share)

    def _report(self) -> RolloutReport:
        driver = self.driver
        plot, picture = "", b""
        if self.live is not None and self.live.points:
            plot = f"{driver.ports.store.root}/rollouts/{self.spec.endpoint}/{driver.wish.run}.png"
            picture = draw(self.live.points)
            driver.ports.store.write(plot, picture)
        report = to_report(driver.entries, url=self.url, model=driver.wish.model, plot_uri=plot)
        showing.page(
            "rollout", report.markdown(), report.title, pictures={plot: picture} if plot else {}
        )
        return report
