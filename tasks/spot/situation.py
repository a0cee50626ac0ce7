"""What a decision is made from, and what it says. Hours, and money of one currency."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from blocks.contracts import Frozen


class Action(StrEnum):
    """What to do until the next decision."""

    STAY = "stay"  # keep the machine that is there
    WAIT = "wait"  # no machine at all
    SPOT = "spot"  # launch in ``zone``
    ON_DEMAND = "on-demand"  # launch in ``zone``


class Decision(Frozen):
    """What to do, and why."""

    action: Action
    zone: str = ""
    reason: str
    slack: float  # hours that could pass idle before on-demand must start
    expected_cost: float | None = None  # of all that is left to do; None where no price is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One zone at this moment."""

    zone: str
    up: bool  # spot can be launched or held there now
    spot: float  # price of an hour
    on_demand: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine that runs or is being launched."""

    zone: str
    spot: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What stays the same through a job."""

    overhead: float  # hours from a launch to the first progress
    step: float  # hours between two decisions
    certain: float = 0.0  # hours that spot seen now is sure to be held: the step, or nothing
    lost: float = 0.0  # hours of work that an interruption may undo
    egress: Mapping[tuple[str, str], float] = field(default_factory=dict)  # price of a move

    def moving(self, origin: str, to: str) -> float:
        """Return what it costs to bring the checkpoint from one zone to another."""
        return 0.0 if not origin or origin == to else self.egress.get((origin, to), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Where the job is. A machine whose spot was lost is no longer ``machine``."""

    work_left: float
    time_left: float
    offers: tuple[Offer, ...]
    machine: Machine | None = None
    launching: float = 0.0  # hours until ``machine`` makes progress
    kept_in: str = ""  # zone of the newest checkpoint; empty before the first launch

    @property
    def slack(self) -> float:
        """Hours to the deadline beyond the work."""
        return self.time_left - self.work_left
