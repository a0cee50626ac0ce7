"""A cloud's own words for what can go wrong in it, by which the fault suite speaks to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from blocks.contracts import ProviderError


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A fault that strikes a call before its work, and what the caller is told."""

    fault: str
    kind: type[ProviderError]
    code: str

    def __str__(self) -> str:
        return self.fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A fault for which a variant never gets ready, and a part of what is told of it then."""

    fault: str
    says: str

    def __str__(self) -> str:
        return self.fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Never:
    """A change that makes a request one that can never run, and the code of the refusal."""

    change: Mapping[str, Any]
    code: str

    def __str__(self) -> str:
        return f"{self.code}-{'-'.join(self.change)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobWords:
    """What can go wrong with jobs: of training, of batch inference, of processing."""

    create: str  # the call that makes one
    search: str  # the call that shows whether one was made
    get: str  # the call that tells of one
    cancel: str
    refused: tuple[Refused, ...]  # the quota among them
    done: tuple[str, ...]  # faults that hide that the work was done
    passing: tuple[tuple[str, str], ...]  # fault and call: what a look bears with
    no_machine: str  # the fault
    no_machine_says: str  # code of the failure
    spot_waits: bool = False  # a spot job without a machine goes on waiting for one
    replaces: tuple[bool, ...] = ()  # for spot or not: a lost machine is replaced in the same job
    nevers: tuple[Never, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelWords:
    """What can go wrong with a registry of models."""

    create: str  # the call that makes a version
    done: tuple[str, ...]  # faults that hide that the work was done
    looks: bool  # after these, whether it was done is found out at once, not when asked again
    unseen: Mapping[str, Any]  # where a model that was just made does not show
    move: str  # the call by which an alias moves


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWords:
    """What can go wrong with endpoints."""

    makes: tuple[str, ...]  # calls that make what a variant needs
    first: str  # the call that deploying begins with
    refused: tuple[Refused, ...]  # of that call, for good
    look: str  # the call that tells of an endpoint
    move: str  # the call that moves traffic
    stuck: str  # the fault
    failing: tuple[Failing, ...]
    by_hand: bool = True  # the cloud's own word on traffic counts, so others can move it, too
    moves_later: bool = False  # a move comes into force when it can, perhaps after the next one
    scaling: tuple[str, ...] = ()  # the calls that have a variant scaled; none: it scales itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of one cloud, for each kind of work."""

    training: JobWords | None = None
    batch: JobWords | None = None
    processing: JobWords | None = None
    models: ModelWords | None = None
    endpoints: EndpointWords | None = None
