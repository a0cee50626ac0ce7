"""A release that goes on while things around it are killed: as a command, or as a deployment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from blocks.testing.waiting import until
from flows.exits import Exit
from tests.chains.command import run
from tests.chains.server import Server
from tests.crashes.warm import WarmCommand
from tests.crashes.world import NAME, World

ENDS = (Exit.OK, Exit.RETURNED)
TIMES = 5  # that a command is run again after one kill; more is lost
WITHIN = 600.0  # seconds from one stage to the next, with what died to be started again

Reached = Callable[[World, str, int], bool]

REACHED: Mapping[str, Reached] = {
    "validate": lambda world, run_, _: world.has(f"runs/{run_}/validation"),
    "train": lambda world, _, jobs: world.jobs() > jobs,
    "evaluate": lambda world, run_, _: world.has(f"runs/{run_}/evaluation"),
    "register": lambda world, run_, _: world.has(f"runs/{run_}/draft.json"),
    "deploy": lambda world, run_, _: noted(world, run_, "begun", 1),
    "step": lambda world, run_, _: noted(world, run_, "step", 1),
    "next step": lambda world, run_, _: noted(world, run_, "step", 2),
    "live": lambda world, run_, _: noted(world, run_, "live", 1),
}
"""How a stage is known to be reached: by what the release has written down or asked for."""


def noted(world: World, run_: str, event: str, times: int) -> bool:
    """Whether the journal says that something has happened so often in a run."""
    return [each["event"] for each in world.journal(run_)].count(event) >= times


class NeverEnds(Exception):
    """The release was run again and again, and came to no end."""


class Release(Protocol):
    """A release that runs."""

    def ended(self) -> bool:
        """Whether it has come to its end; started again where its process ended before."""
        ...

    @property
    def starts(self) -> int:
        """How often it was started."""
        ...


class Command:
    """``bluewater release``: run again by whoever sees that it has ended too early."""

    def __init__(self, world: World, run_: str) -> None:
        self._world, self._words = world, ("release", *world.release, "--run", run_)
        self._said = world.home / f"{run_}.log"
        self.starts = 0
        self._start()

    def ended(self) -> bool:
        """Whether it has come to its end; it is run again where its process ended before."""
        code = self._process.poll()
        if code is None:
            return False
        if code in ENDS:
            return True
        if self.starts > TIMES * len(REACHED):
            raise NeverEnds(f"it ended with {code} again: {self._process.last_words}")
        self._start()
        return False

    def kill(self) -> None:
        """End its process, and start it again."""
        self._process.kill()
        self._start()

    def _start(self) -> None:
        self.starts += 1
        self._process = WarmCommand(self._words, said=self._said, **self._world.where)


class Deployed:
    """A run of a deployment, which a worker starts and the Prefect server looks after."""

    def __init__(self, world: World, run_: str) -> None:
        self._world = world
        run("deploy", *world.release, within=600, **world.where)
        world.services.start("worker")
        world.services.wait("worker")
        settings = world.services.prefect_settings()
        login = settings["PREFECT_API_AUTH_STRING"]
        self._server = Server(api=settings["PREFECT_API_URL"], login=login)
        self._id = self._server.start(f"release/{NAME}", run=run_)

    def ended(self) -> bool:
        """Whether it has come to its end; a crashed run is started again by the server."""
        state = self._server.run(self._id)["state_type"]
        if state in ("FAILED", "CANCELLED"):
            raise NeverEnds(f"the run is {state}: {self._server.logs(self._id)[-300:]}")
        return bool(state == "COMPLETED")

    @property
    def starts(self) -> int:
        """How often it was started."""
        return int(self._server.run(self._id)["run_count"])


def reach(world: World, release: Release, run_: str, stage: str, jobs: int) -> bool:
    """Wait for a stage; False if the release has ended before it."""
    over: list[bool] = []

    def there() -> bool:
        if REACHED[stage](world, run_, jobs):
            return True
        over[:] = [release.ended()]
        return over[0]

    until(there, within=WITHIN, every=0.1)
    return over != [True]


def finish(release: Release) -> None:
    """Wait for the end of the release."""
    until(release.ended, within=WITHIN, every=0.5)
