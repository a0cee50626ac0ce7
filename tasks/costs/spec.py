"""How much a release and what it leaves running may cost."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from blocks.contracts import Frozen


class BudgetSpec(Frozen):
    """Limits in the currency of the platform's prices. Over them nothing is started."""

    per_run: Decimal | None = Field(
        default=None, gt=0, description="Most that training and rollout may be expected to cost."
    )
    per_month: Decimal | None = Field(
        default=None, gt=0, description="Most that the endpoint may cost a month, at its largest."
    )
    requests_per_second: float | None = Field(
        default=None, gt=0, description="Expected load; gives the cost of 1,000 predictions."
    )
