"""Go on, return, or keep looking: what counts as worse, and what is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import Field

from blocks.contracts import Frozen, added_field


class VerdictRules(Frozen):
    """What counts as worse, and how sure to be."""

    alpha: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description=(
            "Chance, at most, of returning a version that is no worse, in the shadow and at the "
            "steps together."
        ),
    )
    margin: float = Field(
        default=0.05, ge=0, le=1, description="Growth of errors and latency that is accepted."
    )
    load_margin: float = Field(
        default=0.25,
        ge=0,
        le=1,
        description=(
            "Further growth of latency that is accepted while the new version carries most of the "
            "requests: it may be slower for that alone."
        ),
    )
    largest_ratio: float = Field(
        default=1.5,
        gt=1,
        le=10,
        description="Ratio that the new version must be shown to be under.",
    )
    harmless_error_rate: float = Field(
        default=0.005, gt=0, lt=1, description="Error rate that is good enough without comparison."
    )
    prediction_tolerance: float = Field(
        default=0.5, ge=0, le=10, description="Growth of a tenth of the predictions accepted."
    )
    predictions: bool = Field(default=True, description="Compare what is predicted, too.")
    outcomes: Mapping[str, bool] = Field(
        default={}, description="Business events, and whether more of them is good."
    )
    outcome_delay: timedelta = added_field(
        timedelta(0),
        ge=timedelta(0),
        description=(
            "Longest time from a request to its business event, for events that do not tell when "
            "their request was: its id is the caller's own and no UUID of version 7 or ULID, and "
            "`asked_at` is not told. For so long after the share of the new version has risen, "
            "such events are compared by the share before; left at nothing, those that come late "
            "make the new version look worse."
        ),
    )
    warm_up: timedelta = Field(
        default=timedelta(seconds=90),
        description=(
            "Time after the first request in which latency is not judged, unless the version "
            "was warmed up before; errors always are."
        ),
    )


class Decision(StrEnum):
    """What to do now."""

    GO_ON = "go on"
    RETURN = "return"
    KEEP_LOOKING = "keep looking"


class Finding(Frozen):
    """What is known of one metric."""

    metric: str
    ratio: float  # of green's rate to blue's; of blue's to green's where green has "fewer"
    low: float  # anytime-valid confidence sequence of the ratio
    high: float
    margin: float  # accepted growth
    evidence: float  # against green, alone; 1 = none


class Verdict(Frozen):
    """What the evidence says now, and why."""

    decision: Decision
    evidence: float  # of all metrics together; green returns when it reaches the threshold
    threshold: float
    certified: float  # share of the way to "shown not worse", 0..1
    blue_requests: int
    green_requests: int
    share: float  # green's observed share
    findings: tuple[Finding, ...]
    mismatch: str = ""  # what is wrong with green's share of the traffic
    next_look: datetime | None = None

    @property
    def worst(self) -> Finding:
        """The metric that speaks most against green."""
        return max(self.findings, key=lambda each: each.evidence)

    def explain(self) -> str:
        """Return the verdict as a sentence."""
        seen = f"{self.green_requests:,} requests on green, {self.blue_requests:,} on blue"
        if not self.green_requests or not self.blue_requests:
            return f"{self.decision}: nothing to compare yet ({seen})"
        worst = self.worst
        told = (
            f"{worst.metric}: ratio {worst.ratio:.2f} (between {worst.low:.2f} and "
            f"{worst.high:.2f}, accepted {1 + worst.margin:.2f})"
        )
        notes = f"; {self.mismatch}" if self.mismatch else ""
        if self.next_look is not None and self.decision is not Decision.RETURN:
            notes += f"; next look at {self.next_look:%H:%M:%S} UTC"
        return (
            f"{self.decision}: {told}; evidence {self.evidence:.1f} of {self.threshold:.0f}, "
            f"shown not worse to {self.certified:.0%}; {seen}{notes}"
        )
