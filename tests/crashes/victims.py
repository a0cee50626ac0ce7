"""What is killed, and how it comes back."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from blocks.testing.waiting import until
from tests.chains.clouds import CLOUDS
from tests.crashes.releases import Command, Deployed, Release
from tests.crashes.table import KILLED
from tests.crashes.world import BY_REQUEST, NAME, World

HERE = "local"  # where all processes are ours
GONE_WITHIN = 300.0  # seconds, or until it is there again: a busy machine takes its time

Strike = Callable[[World, Release], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A kind of process, the release that runs meanwhile, and how it is killed."""

    name: str
    release: Callable[[World, str], Release]
    strike: Strike
    none_here: Callable[[str], str] = lambda _: ""  # why a platform has none of ours; else empty
    by_mlflow: Callable[[str], bool] = lambda provider: provider == HERE  # models are registered
    hold: bool = False  # the reply to the creation of a job, so that it dies before it comes


def _flow(world: World, release: Release) -> None:
    if isinstance(release, Command):
        release.kill()
    if world.emulator is not None:
        world.emulator.pull("calm")  # whoever waited for the reply is dead by now


def _worker(world: World, _: Release) -> None:
    os.kill(world.services.running()["worker"].identity.pid, signal.SIGKILL)
    until(lambda: "worker" not in world.services.running(), within=GONE_WITHIN)
    world.services.start("worker")


def _prefect(world: World, _: Release) -> None:
    _kill_group(world.services.running()["prefect"].identity.pid)
    until(lambda: "prefect" not in world.services.running(), within=GONE_WITHIN)
    world.services.start("prefect")


def _router(world: World, _: Release) -> None:
    until(lambda: world.folder.observed().router is not None, within=GONE_WITHIN)
    router = world.folder.observed().router
    if router is not None:
        _kill_group(router.pid)


def _model_servers(world: World, _: Release) -> None:
    if world.provider in BY_REQUEST:  # there is one while, and for some time after, it is asked
        world.endpoints.predict(NAME, {"dataframe_records": [{"x": 0.5}]})
    until(world.model_servers, within=GONE_WITHIN)
    for pid in world.model_servers():
        _kill_group(pid)


def _mlflow(world: World, _: Release) -> None:
    if world.mlflow is not None:
        world.mlflow.stop()
        world.mlflow.launch()


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


VICTIMS = (
    Victim(name="the flow", release=Command, strike=_flow, hold=True),
    Victim(name="the worker", release=Deployed, strike=_worker),
    Victim(name="the Prefect server", release=Command, strike=_prefect),
    Victim(
        name="the router",
        release=Command,
        strike=_router,
        none_here=lambda provider: "" if provider == HERE else "the cloud divides its own traffic",
    ),
    Victim(name="the model servers", release=Command, strike=_model_servers),
    Victim(
        name="the MLflow server",
        release=Command,
        strike=_mlflow,
        by_mlflow=lambda _: True,
    ),
)
_MADE = {victim.name: victim for victim in VICTIMS}
BY_NAME: Mapping[str, Victim] = {name: _MADE[name] for name in KILLED}


def hold_reply(world: World, victim: Victim, stage: str) -> None:
    """See that the flow of a cloud dies between the creation of a job and its reply."""
    if victim.hold and stage == "train" and world.emulator is not None:
        world.emulator.fault("held-reply", call=CLOUDS[world.provider].creates_a_job)
