"""Who chooses the machine of an attempt, without the rest of a training."""

from __future__ import annotations

from datetime import timedelta

from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from tasks.training.choice import Chooser
from tasks.training.spec import SpotSpec, TrainingSpec


def chooser_of_zones(machine: LocalMachine, **spot: object) -> Chooser:
    """Return who chooses for five hours of work in nine, in zone a or b, at our prices."""
    spec = SpotSpec.model_validate(
        {"expected_hours": 5, "deadline": timedelta(hours=9), "zones": ("a", "b"), **spot}
    )
    prices = LocalPrices(machine=machine)
    return Chooser(TrainingSpec(source="s"), spec, prices, timedelta(minutes=1))
