"""The life of a model on one platform, round after round: releases, drift, reclaims and faults."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from blocks.contracts import Endpoints, Inventory, ProviderError
from blocks.emulation.rehearsing import RECLAIM, EmulatedRehearsal
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.rehearsal import Reclaim
from blocks.providers.local.training import LocalTraining
from blocks.testing.waiting import until
from flows.rehearsal import platform_of
from flows.release import release
from flows.sweep import sweep
from flows.watch import watch
from tasks.specification.loading import load
from tasks.specification.spec import ReleaseSpec
from tasks.sweep.spec import SweepSpec
from tasks.watch.spec import WatchSpec
from tests.chains.clouds import CLOUDS
from tests.chains.project import make_project

CHANGES = (
    "training.spot={interruptions_per_hour: 1, expected_hours: 0.01}",
    'training.parameters={slope: "0.5", pause: "0.2"}',
)
WATCH = WatchSpec(
    window=timedelta(minutes=1),
    settle=timedelta(seconds=35),  # every capture is written after 30
    least_rows=50,
    persistence=1,
    of=1,
    cooldown=timedelta(seconds=1),
    retrains_per_month=10_000,
)
PER_SECOND = 5


class Round:
    """One platform on which a model lives. Each round is another release."""

    def __init__(self, provider: str, world: Any, folder: Path) -> None:
        self.provider, self.world, self.number = provider, world, 0
        self.platform = platform_of(provider)
        machines = CLOUDS[provider].machines if provider in CLOUDS else ()
        file = make_project(folder / f"project-{provider}")
        self.spec: ReleaseSpec = load(file, changes=[*CHANGES, *machines])
        self.ends: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._request = ""
        known = [name for name in world.faults if name != RECLAIM]
        self._coming: Iterator[str] = itertools.cycle(known) if known else itertools.repeat("")

    def turn(self) -> None:
        """Look for drift of what is live; release, with a reclaim and a fault; sweep."""
        self.number += 1
        if self.number > 1:
            self._watch()
        with self._reclaiming():
            self._strike()
            self._release()
        self._calm()
        sweep(self.platform, SweepSpec(grace=timedelta(0), checkpoints_kept=timedelta(0)), True)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask the endpoint for rows that are not like those it was trained on, all the time."""
        stop = threading.Event()
        thread = threading.Thread(target=self._ask, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _ask(self, stop: threading.Event) -> None:
        endpoints, name = self.platform.connect(Endpoints), self.spec.rollout.endpoint
        for number in itertools.count():
            if stop.wait(1 / PER_SECOND):
                return
            row = {"x": 0.97 + number % 200 * 0.00015}
            try:
                answer = str(endpoints.predict(name, {"dataframe_records": [row]}).status)
            except ProviderError as error:
                answer = type(error).__name__
            when = "request" if self.number > 1 else "request before a version was live"
            self.ends[f"{when}: {answer}"] += 1

    def rest(self) -> None:
        """Wait until nothing is on its way: no job, and one server."""
        inventory = self.platform.connect(Inventory)
        until(
            lambda: not [each for each in inventory.owned() if each.running and "job" in each.kind],
            within=120,
            every=1,
        )
        endpoints, name = self.platform.connect(Endpoints), self.spec.rollout.endpoint
        until(lambda: len(endpoints.variants(name)) <= 1, within=120, every=1)

    def _release(self) -> None:
        request, self._request = self._request, ""
        run = "" if request else f"soak-{self.number}"
        try:
            report = release(self.platform, self.spec, run=run, request=request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the next round must find order
            self.ends[f"release ended with {type(error).__name__}"] += 1
        else:
            self.ends[f"release {report.rollout.outcome}"] += 1

    def _watch(self) -> None:
        try:
            report = watch(self.platform, self.spec.rollout.endpoint, WATCH)
        except Exception as error:  # noqa: BLE001 - as above
            self.ends[f"watch ended with {type(error).__name__}"] += 1
            return
        if report.request is not None:
            self._request = report.request.id
        self.ends["drift, a retrain asked" if report.request else "no retrain asked"] += 1

    def _strike(self) -> None:
        name = next(self._coming)
        if name and self.number > 1:
            self.world.emulator.fault(name, **self.world.strikes[name])
            self.faults[name] += 1

    def _calm(self) -> None:
        if isinstance(self.world, EmulatedRehearsal):
            self.world.emulator.pull("calm")

    def _reclaiming(self) -> AbstractContextManager[Any]:
        if self.number == 1:
            return nullcontext()
        self.faults[RECLAIM] += 1
        if isinstance(self.world, EmulatedRehearsal):
            return self.world.market(once=True)
        return Reclaim(LocalTraining(machine=LocalMachine()))
