"""What Vertex AI's services of jobs have in common: they run jobs in threads, and list them."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import grpc
from google.cloud.aiplatform_v1.types import DeleteOperationMetadata, JobState
from google.longrunning.operations_pb2 import Operation
from google.protobuf.empty_pb2 import Empty

from blocks.providers.gcp.emulator.custom_job import ENDS, advance
from blocks.providers.gcp.emulator.filters import matcher
from blocks.providers.gcp.emulator.pages import page
from blocks.providers.gcp.emulator.refusals import GcpError, not_found
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.world import World

FIELDS = ("display_name", "state", "create_time", "update_time", "labels", "name")  # of filters


class Kept(Protocol):
    """What is known of a job."""

    told: Any  # its message
    stop: threading.Event


R = TypeVar("R", bound=Kept)


class RunJobs(ABC, Generic[R]):
    """Create, get, list, cancel and delete jobs of one kind. Each runs in a thread of its own."""

    unlocked: ClassVar[frozenset[str]] = frozenset()
    word: ClassVar[str]  # of methods and messages
    member: ClassVar[str]  # of a request; the answer to a list has its plural
    collection: ClassVar[str]  # of resource names
    message: ClassVar[Any]
    listed: ClassVar[Any]
    fields: ClassVar[Sequence[str]] = FIELDS

    def __init__(self, world: World, runs: dict[str, R] | None = None) -> None:
        self._world = world
        self._runs: dict[str, R] = {} if runs is None else runs  # by name, oldest first

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {
            f"JobService.Create{self.word}": self._create,
            f"JobService.Get{self.word}": lambda asked: self._known(asked.name, "Get").told,
            f"JobService.List{self.word}s": self._list,
            f"JobService.Cancel{self.word}": self._cancel,
            f"JobService.Delete{self.word}": self._delete,
        }

    @abstractmethod
    def _look_at(self, told: Any) -> None:
        """Raise what the service says to a job that its messages allow, but its rules do not."""

    @abstractmethod
    def _run(self, name: str, told: Any, *, capacity: bool) -> tuple[R, Callable[[], None]]:
        """Return a job, and what does its work to its end."""

    def _create(self, asked: Any) -> Any:
        told = getattr(asked, self.member)
        self._look_at(told)
        if asked.parent != self._world.parent:
            raise not_found(asked.parent)
        capacity = not self._world.faults.take("stock-out", "*", told.display_name)
        name = self._world.name(self.collection)
        self._runs[name], work = self._run(name, told, capacity=capacity)
        answer = self.message(self._runs[name].told)
        threading.Thread(target=work, name=name, daemon=True).start()
        return answer

    def _list(self, asked: Any) -> Any:
        stale = self._world.faults.take("stale-read", f"aiplatform:List{self.word}s")
        meets = matcher(asked.filter, self.fields)
        found = [
            run.told
            for run in reversed(self._runs.values())
            if meets(self.message.to_dict(run.told, use_integers_for_enums=False))
        ]
        some, token = page(found[1:] if stale else found, asked)
        return self.listed(**{f"{self.member}s": some}, next_page_token=token)

    def _cancel(self, asked: Any) -> Empty:
        run = self._known(asked.name, "Cancel")
        if run.told.state in ENDS:
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"{self.word} {asked.name} is in state {run.told.state.name}, and cannot be "
                "cancelled.",
            )
        advance(run.told, JobState.JOB_STATE_CANCELLING, self._world.clock.now())
        run.stop.set()
        return Empty()

    def _delete(self, asked: Any) -> Operation:
        run = self._known(asked.name, "Delete")
        if run.told.state not in ENDS:
            raise GcpError(
                grpc.StatusCode.FAILED_PRECONDITION, f"{self.word} {asked.name} is still running."
            )
        del self._runs[asked.name]
        return self._world.operations.done(asked.name, Empty(), DeleteOperationMetadata())

    def _known(self, name: str, verb: str) -> R:
        run, call = self._runs.get(name), f"aiplatform:{verb}{self.word}"
        if run is None or self._world.faults.take("stale-read", call, name.rpartition("/")[2]):
            raise not_found(name)
        return run
