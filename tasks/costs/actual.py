"""What a release has cost, beside what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from blocks.contracts import Prices, Usage
from tasks.costs.forecast import Forecast
from tasks.costs.money import Money, Parts, hours, priced, shown, total
from tasks.rollout.journal import CLOSED, Event
from tasks.rollout.report import RolloutReport
from tasks.rollout.spec import RolloutSpec
from tasks.training.report import TrainingReport


class CostReport(Parts):
    """Forecast and fact."""

    forecast: Forecast
    fleet_hours: float  # for which two versions were up
    per_thousand: Decimal | None = None  # rows, on a machine that is always busy
    currency: str = ""

    def table(self) -> list[dict[str, str]]:
        """Return one row per kind of cost, for people."""
        rows = [
            ("training", self.forecast.training, self.training),
            ("second fleet of the rollout", self.forecast.rollout, self.rollout),
            *(
                [("jobs near the data", self.forecast.near, self.near)]
                if self.forecast.near
                else []
            ),
            ("the model version", self.forecast.per_version, self.per_version),
            ("the run", self.forecast.per_run, self.per_run),
        ]
        told = [
            {"what": what, "expected": _word(expected), "was": _word(was)}
            for what, expected, was in rows
        ]
        month = self.forecast.per_month
        told.append({"what": "the endpoint, a month", "expected": _word(month), "was": ""})
        if self.per_thousand is not None or self.forecast.per_thousand is not None:
            was = f"{shown(self.per_thousand)} {self.currency}" if self.per_thousand else ""
            told.append(
                {
                    "what": "1,000 predictions (was: of a busy machine)",
                    "expected": _word(self.forecast.per_thousand) if month else "unknown",
                    "was": was,
                }
            )
        return told


def actual(
    expected: Forecast,
    prices: Prices,
    spec: RolloutSpec,
    *,
    training: TrainingReport,
    rollout: RolloutReport,
    near: Sequence[Usage],
    per_thousand: Decimal | None,
    currency: str,
) -> CostReport:
    """Return what a release has cost, from metered usage and the journal of its rollout."""
    cost, both = training.cost, both_up(rollout)
    return CostReport(
        forecast=expected,
        training=Money(low=cost.amount, high=cost.amount, currency=cost.currency) if cost else None,
        rollout=priced(prices.price(spec.machine), both, both, max(spec.min_replicas, 1)),
        near=total(_metered(each, prices) for each in near),
        fleet_hours=float(hours(both)),
        per_thousand=per_thousand,
        currency=currency,
    )


def _metered(usage: Usage, prices: Prices) -> Money | None:
    cost = prices.cost(usage)
    return Money(low=cost.amount, high=cost.amount, currency=cost.currency) if cost else None


def both_up(rollout: RolloutReport) -> timedelta:
    """Return for how long the version before and the new one were deployed together."""
    begun = next((each for each in rollout.journal if each.event is Event.BEGUN), None)
    ended = next((each for each in rollout.journal if each.event in CLOSED), None)
    if begun is None or begun.blue is None or ended is None:
        return timedelta(0)
    return ended.at - begun.at


def _word(money: Money | None) -> str:
    return "unknown" if money is None else str(money)
