"""Worlds of emulated clouds: each is an owner of its own in a cloud that more of them may share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from blocks.contracts import Contract
from blocks.emulation.launch import Emulator
from blocks.registry import implementation
from blocks.testing.levers import Levers

C = TypeVar("C", bound=Contract)
K = TypeVar("K", bound=Emulator)
B = TypeVar("B", bound="EmulatedBench")


class NotEmulated(AssertionError):
    """A world met calls that nothing in it could answer: the emulator has a hole."""


class EmulatedBench(Levers):
    """Levers of one owner in an emulated cloud."""

    account: Any  # of the owner
    emulator: Any  # with the levers of its cloud
    configured: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # fields of blocks, by capability

    def connect(self, contract: type[C]) -> C:
        """Return a block of this owner, as a fresh process would build it."""
        cls: Callable[..., C] = implementation(self.provider, contract)
        told = self.configured.get(contract.capability, {})
        return cls(account=self.account.model_copy(), **told)

    def zone(self) -> str:
        """Return no zone: the cloud chooses it."""
        return ""

    def running(self) -> Sequence[str]:
        """Return the names of this owner's live containers."""
        mine = self.account.named("")
        names = [each["name"] for each in self.emulator.running()]
        return sorted(name for name in names if mine in name)


class Worlds(Generic[K, B]):
    """Opens worlds of one cloud: in one of its own, or in that of a world that is open."""

    def __init__(
        self,
        cloud: Callable[[Path], AbstractContextManager[K]],
        bench: Callable[[Path, K], B],
    ) -> None:
        self._cloud, self._bench = cloud, bench
        self._open: list[K] = []

    @contextmanager
    def __call__(self, folder: Path) -> Iterator[B]:
        """Open a world below a folder; a call that its cloud does not know fails at its end."""
        if self._open:
            yield self._bench(folder, self._open[-1])
            return
        with self._cloud(folder) as emulator:
            self._open.append(emulator)
            try:
                yield self._bench(folder, emulator)
                if unknown := {each["call"] for each in emulator.unknown()}:
                    raise NotEmulated(f"calls that the emulator does not know: {sorted(unknown)}")
            finally:
                self._open.pop()
