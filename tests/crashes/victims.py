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
from tests.crashes.world import World

GONE_WITHIN = 300.0  # seconds, or until it is there again: a busy machine takes its time

Strike = Callable[[World, Release], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Victim:
    """A kind of process, the release that runs meanwhile, and how it is killed."""

    name: str
    release: Callable[[World, str], Release]
    strike: Strike
    is_there: Callable[[World], bool] = lambda _: True
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
        is_there=lambda world: world.emulator is None,
    ),
    Victim(name="the model servers", release=Command, strike=_model_servers),
    Victim(
        name="the MLflow server",
        release=Command,
        strike=_mlflow,
        is_there=lambda world: world.mlflow is not None,
    ),
)
BY_NAME: Mapping[str, Victim] = {victim.name: victim for victim in VICTIMS}


def hold_reply(world: World, victim: Victim, stage: str) -> None:
    """See that the flow of a cloud dies between the creation of a job and its reply."""
    if victim.hold and stage == "train" and world.emulator is not None:
        world.emulator.fault("held-reply", call=CLOUDS[world.provider].creates_a_job)
