"""Other processes that call the same provider at the same moment, or die while they do.

They are forked from a server that has imported what a call needs, so that a hundred of them cost
little, and so that nothing of this process (threads, open data bases) is copied into them.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from typing import Any

from prefect.blocks.core import Block

from blocks import registry
from blocks.contracts import Contract

_EXPECTED = set[str]()  # modules of providers
_READY, _CALLING, _GO = "ready", "calling", "go"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """One process with one call to make."""

    process: ForkServerProcess
    answer: Connection

    def ready(self) -> None:
        """Return once it waits for its cue. Raises EOFError if it died before."""
        self.answer.recv()

    def go(self) -> None:
        """Give it its cue."""
        self.answer.send(_GO)

    def calling(self) -> None:
        """Return as it begins to call. Raises EOFError if it died before."""
        self.answer.recv()

    def kill(self) -> None:
        """Kill it, wherever it is."""
        self.process.kill()
        self.process.join()

    def told(self) -> Any:
        """Return what its call returned, or the error it raised. Raises EOFError if it died."""
        try:
            while (said := self.answer.recv()) == _CALLING:
                pass
            return said
        finally:
            self.process.join()


def expect(providers: Iterable[str]) -> None:
    """Let strangers be forked from a server that has imported these providers, by their names.

    Of effect before the first stranger; one whose provider is not expected imports it by itself.
    """
    for name in providers:
        paths = registry.provider(name).capabilities.values()
        _EXPECTED.update(path.partition(":")[0] for path in paths)


def stranger(
    contract: Contract, method: str, *args: object, on_cue: bool = False, **kwargs: object
) -> Stranger:
    """Let a new process call ``method`` of a provider configured like this one, at once or on cue.

    What is passed and returned must bear pickling.
    """
    if not isinstance(contract, Block):
        raise TypeError(f"{type(contract).__qualname__} is no block, so it cannot be sent")
    settings = contract.model_dump_json(
        include=set(type(contract).model_fields), context={"include_secrets": True}
    )
    path = f"{type(contract).__module__}:{type(contract).__qualname__}"
    here, there = multiprocessing.Pipe()
    process = _context().Process(
        target=_call, args=(there, (path, settings), (method, args, kwargs), on_cue), daemon=True
    )
    process.start()
    there.close()
    return Stranger(process=process, answer=here)


@contextmanager
def crowd(
    contract: Contract, method: str, calls: Sequence[tuple[tuple[Any, ...], Mapping[str, Any]]]
) -> Iterator[list[Stranger]]:
    """Let one stranger make each of these calls, all at one moment."""
    started = [stranger(contract, method, *args, on_cue=True, **kwargs) for args, kwargs in calls]
    try:
        for each in started:
            each.ready()
        for each in started:
            each.go()
        yield started
    finally:
        for each in started:
            each.kill()


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    loaded = {name for name in sys.modules if name.partition(".")[0] in {"blocks", "mlflow"}}
    # of effect before it is started
    context.set_forkserver_preload(sorted(loaded | _EXPECTED | _with_the_first_block()))
    return context


def _with_the_first_block() -> set[str]:
    """Return what Prefect imports as a process makes its first block."""
    return {"prefect.main", *(each.module for each in entry_points(group="prefect.collections"))}


def _call(
    answer: Connection,
    block: tuple[str, str],
    call: tuple[str, Sequence[Any], Mapping[str, Any]],
    on_cue: bool,
) -> None:
    path, settings = block
    method, args, kwargs = call
    provider = registry.load(path).model_validate_json(settings)
    if on_cue:
        answer.send(_READY)
        answer.recv()
    answer.send(_CALLING)
    try:
        told = getattr(provider, method)(*args, **kwargs)
    except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
        told = error
    answer.send(told)
