"""What training took: one row for each attempt, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from blocks.contracts import Cost, Frozen, OperationRef, Phase, Prices, TrainingResult, Usage
from tasks.spot.situation import Decision


class Attempt(Frozen):
    """One job, as it ended."""

    ref: OperationRef
    phase: Phase
    why: str = ""
    usage: Usage | None = None
    cost: Cost | None = None
    decision: Decision | None = None  # of the spot policy, where a deadline is set


class TrainingReport(Frozen):
    """The model, and the attempts it took."""

    result: TrainingResult
    attempts: tuple[Attempt, ...]

    @property
    def cost(self) -> Cost | None:
        """The cost of all attempts; None if one of them has no known price."""
        costs = [attempt.cost for attempt in self.attempts]
        known = [cost for cost in costs if cost is not None]
        if len(known) < len(costs) or len({cost.currency for cost in known}) != 1:
            return None
        total = sum((cost.amount for cost in known), Decimal(0))
        return known[-1].model_copy(update={"amount": total})

    def table(self) -> list[dict[str, str]]:
        """Return one row per attempt, for people."""
        return [_row(number, attempt) for number, attempt in enumerate(self.attempts)]


def priced(attempts: Sequence[Attempt], prices: Prices) -> tuple[Attempt, ...]:
    """Return the attempts with their costs, where a price is known."""
    return tuple(
        attempt.model_copy(update={"cost": prices.cost(attempt.usage)})
        if attempt.usage
        else attempt
        for attempt in attempts
    )


def _row(number: int, attempt: Attempt) -> dict[str, str]:
    usage = attempt.usage
    return {
        "attempt": str(number),
        "ended": attempt.phase.value,
        "machine": f"{usage.machine}{' (spot)' if usage.spot else ''}" if usage else "",
        "seconds": f"{usage.seconds:.1f}" if usage else "",
        "cost": f"{attempt.cost.amount:.6f} {attempt.cost.currency}" if attempt.cost else "unknown",
        "why": attempt.why,
        "decided": _decided(attempt.decision),
        "job": attempt.ref.id,
    }


def _decided(decision: Decision | None) -> str:
    if decision is None:
        return ""
    cost = "" if decision.expected_cost is None else f", expected cost {decision.expected_cost:.4f}"
    return f"{decision.action}: {decision.reason} (slack {decision.slack:.2f} h{cost})"
