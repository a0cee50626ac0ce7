"""What the rehearsals of all emulated clouds do alike: faults, reclaims, and what was called."""

from __future__ import annotations

import abc
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Generic, Self, TypeVar

from blocks.contracts import TrainingJobs
from blocks.emulation.launch import Emulator
from blocks.emulation.market import SpotMarket
from blocks.rehearsal import Calls
from blocks.spot_trace import Tape, load

RECLAIM = "spot-reclaim"


E = TypeVar("E", bound=Emulator)


class EmulatedRehearsal(abc.ABC, Generic[E]):
    """A cloud that lives as long as the rehearsal. ``emulator`` has its levers."""

    faults: ClassVar[Mapping[str, str]]
    strikes: ClassVar[Mapping[str, Mapping[str, Any]]]  # what each fault strikes, and how often
    setting_up: ClassVar[str]  # the key of calls that are the rehearsal's own
    containers: ClassVar[str]  # the key by which containers call
    preloaded: ClassVar[bool] = False  # whether further ones in this process start at once

    def __init__(
        self,
        folder: Path,
        *,
        faults: Sequence[str] = (),
        spot_trace: Path | None = None,
        permissions: Path | None = None,
    ) -> None:
        self._folder, self._wanted, self._trace = folder, tuple(faults), spot_trace
        self._allowed = None if permissions is None else self._permitted(permissions)
        self._stack = ExitStack()
        self._market: SpotMarket | None = None

    def __enter__(self) -> Self:
        self.emulator = self._begin(self._stack)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def strike(self) -> None:
        """Let the faults that were asked for happen from now on."""
        for name in (each for each in self._wanted if each != RECLAIM):
            self.emulator.fault(name, **self.strikes[name])
        once, tape = RECLAIM in self._wanted, load(self._trace) if self._trace else None
        if once or tape is not None:
            self._market = self._stack.enter_context(self.market(once=once, tape=tape))

    def market(self, *, once: bool, tape: Tape | None = None) -> SpotMarket:
        """Return a market that takes machines of spot jobs while it is entered."""
        return SpotMarket(self._jobs(), self._training, self._reclaim, once=once, tape=tape)

    def calls(self) -> Sequence[Calls]:
        """Return how often each operation was called, and how often in vain."""
        found: dict[tuple[str, str, str], list[bool]] = {}
        for call in self.emulator.calls():
            caller = "a container" if call["key"] == self.containers else "the release"
            if call["key"] != self.setting_up:
                name = (str(call["call"]), str(call["action"]), caller)
                found.setdefault(name, []).append(not 0 < call["status"] < 400)
        return [
            Calls(
                operation=operation,
                permission=action,
                caller=caller,
                times=len(refused),
                refused=sum(refused),
            )
            for (operation, action, caller), refused in found.items()
        ]

    def met(self) -> Mapping[str, int]:
        """Return how often each fault has struck."""
        coming = {each["name"]: each["times"] for each in self.emulator.pull("faults")}
        met = {
            name: self.strikes[name]["times"] - coming.get(name, 0)
            for name in self._wanted
            if name != RECLAIM
        }
        taken = len(self._market.taken) if self._market else 0
        return {**met, RECLAIM: taken} if taken or RECLAIM in self._wanted else met

    def left(self) -> Sequence[str]:
        """Return the containers that run."""
        return sorted(each["name"] for each in self.emulator.running())

    def _training(self) -> Sequence[str]:
        """Return the ids of the training jobs that have a machine now."""
        return self.emulator.training_jobs()

    def _reclaim(self, job: str) -> None:
        """Take the machine of a training job."""
        self.emulator.pull("reclaim", job=job)

    @abc.abstractmethod
    def environment(self) -> Mapping[str, str]:
        """Return the variables under which the cloud's blocks find it."""

    @abc.abstractmethod
    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret where the cloud's store finds it."""

    @abc.abstractmethod
    def _permitted(self, policy: Path) -> tuple[str, ...]:
        """Return what a policy in the cloud's own form allows."""

    @abc.abstractmethod
    def _begin(self, stack: ExitStack) -> E:
        """Start the emulator on the stack, and set up what the release finds there."""

    @abc.abstractmethod
    def _jobs(self) -> TrainingJobs:
        """Return the training jobs, under the key of calls that are the rehearsal's own."""
