"""A provider played on this machine: its real SDK speaks to an emulator, without an account.

What a provider ships for ``bluewater rehearse``; its manifest names the class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Protocol, Self

from blocks.contracts import Frozen


class Calls(Frozen):
    """How often one operation of the provider was asked for."""

    operation: str  # in the provider's words
    permission: str = ""  # that it takes, in the provider's words
    caller: str = ""  # who asked: the release itself, or the work that it started
    times: int
    refused: int = 0  # answered with an error, those of faults included


class Rehearsal(Protocol):
    """A provider's world on this machine. Use it as a context manager: its end takes all down.

    ``faults`` maps the names that may be asked for to what goes wrong then.
    """

    faults: ClassVar[Mapping[str, str]]

    def __init__(
        self,
        folder: Path,
        *,
        faults: Sequence[str] = (),
        spot_trace: Path | None = None,
        permissions: Path | None = None,
    ) -> None:
        """Keep all below ``folder``; ``spot_trace`` is a file for ``blocks.spot_trace``.

        ``permissions`` is a policy in the provider's own form, to which the release is held.
        Raises Unsupported where there is no such thing.
        """
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def environment(self) -> Mapping[str, str]:
        """Return the variables under which the provider's blocks find this world."""
        ...

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret where the provider's store finds it."""
        ...

    def strike(self) -> None:
        """Let the faults, and the reclaims of the trace, happen from now on."""
        ...

    def calls(self) -> Sequence[Calls]:
        """Return what was asked for upstream, in the order of the first time."""
        ...

    def met(self) -> Mapping[str, int]:
        """Return how often each fault that was asked for has happened."""
        ...

    def left(self) -> Sequence[str]:
        """Return what computes or bills upstream right now, by any name."""
        ...
