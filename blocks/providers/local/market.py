"""A spot market for this machine: when capacity is there, and when it is taken back."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from pydantic import Field, model_validator

from blocks.contracts import Frozen, InvalidRequest
from blocks.spot_trace import load

SPOT_TRACE = "BLUEWATER_SPOT_TRACE"  # variable with the trace of a market that is not configured


class Supply(Frozen):
    """When spot is there and when it is taken back. By default it is there, and stays.

    A trace is a JSON file (``.json`` or ``.json.gz``): a list of lifetimes in seconds, one for each
    spot job in the order of their submission (later ones live on), or availability by ticks:
    ``{"gap_seconds": 195, "data": [1, 1, 0, ...]}``, where spot can be held while it is 1.
    """

    trace: Path | None = Field(default=None, description="File with lifetimes or availability.")
    rate: float | None = Field(
        default=None, gt=0, description="Reclaims per hour, drawn anew for every job."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Supply:
        if self.trace is not None and self.rate is not None:
            raise ValueError("trace and rate are two sources of reclaims; give one of them")
        return self


class Market(Supply):
    """How this machine plays a spot market, of one zone or of several.

    Without zones of its own it is the same market in every zone, whatever its name.
    """

    seed: int = Field(default=0, description="Seed of the draws; same seed and job, same draw.")
    notice: float = Field(
        default=30.0,  # as Google Cloud and Azure give; AWS gives 120
        ge=0,
        description="Seconds between the notice (SIGTERM) and the end (SIGKILL).",
    )
    start: datetime | None = Field(
        default=None, description="When the first tick of an availability trace was."
    )

    zones: Mapping[str, Supply] = Field(
        default={}, description="Trace or rate of each zone, by name; in place of one for all."
    )

    @model_validator(mode="after")
    def _one_place(self) -> Market:
        if self.zones and (self.trace is not None or self.rate is not None):
            raise ValueError(
                "a market of zones has a trace or a rate in each zone, none of its own"
            )
        return self

    def within(self, zone: str) -> Sequence[Market]:
        """Return the market of a zone; of every zone, if it is empty: any of them will do.

        Raises InvalidRequest for a zone that there is not.
        """
        if not self.zones:
            return (self,)
        if zone and zone not in self.zones:
            raise InvalidRequest(
                f"there is no zone {zone!r} here, only {', '.join(self.zones)}", code="ZONE"
            )
        found = [self.zones[zone]] if zone else self.zones.values()
        return tuple(self.model_copy(update={**dict(supply), "zones": {}}) for supply in found)


def default_market() -> Market:
    """Return the market of the trace that the environment names, or one that takes nothing back."""
    trace = os.environ.get(SPOT_TRACE)
    return Market(trace=Path(trace) if trace else None)


def has_capacity(market: Market, now: datetime) -> bool:
    """Whether a spot job could be started now."""
    if market.trace is None:
        return True
    tape = load(market.trace)
    return not tape.data or bool(tape.tick(_elapsed(market, now)))


def lifetime(market: Market, *, token: str, number: int, now: datetime) -> float | None:
    """Return the seconds after which a job started now is taken back; None = never.

    ``number`` counts the spot jobs of the workspace from 0.
    """
    if market.rate is not None:
        # Not for secrets: the draw must be the same whenever it is asked for.
        return random.Random(f"{market.seed}/{token}").expovariate(market.rate / 3600)  # noqa: S311
    if market.trace is None:
        return None
    tape = load(market.trace)
    if tape.data:
        elapsed = _elapsed(market, now)
        lost = tape.lost_after(elapsed)
        return None if lost is None else lost - elapsed
    return tape.lifetimes[number] if number < len(tape.lifetimes) else None


def expected_rate(market: Market) -> float | None:
    """Return the interruptions per hour to expect, or None where nothing is known."""
    if market.rate is not None or market.trace is None:
        return market.rate
    tape = load(market.trace)
    if tape.lifetimes:
        return 3600 * len(tape.lifetimes) / max(sum(tape.lifetimes), 1e-9)
    lost = sum(a > b for a, b in zip(tape.data, tape.data[1:], strict=False))
    held = sum(map(bool, tape.data)) * tape.gap_seconds
    return 3600 * lost / held if held else None


def _elapsed(market: Market, now: datetime) -> float:
    return (now - (market.start or datetime.fromtimestamp(0, UTC))).total_seconds()
