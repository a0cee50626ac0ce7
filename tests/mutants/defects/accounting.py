"""Defects in what is told of a platform: what it costs, and what is ours."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

PRICES = (
    Mutant(
        name="spot costs what on-demand costs",
        file="price_book.py",
        before="(rates.spot_in(zone) if spot else rates.on_demand)",
        after="rates.on_demand",
        killers=("prices::test_spot_is_priced_apart",),
    ),
    Mutant(
        name="time that nobody metered is billed as metered",
        file="price_book.py",
        before="basis=Basis.ESTIMATED if billed is None else Basis.METERED",
        after="basis=Basis.METERED",
        killers=("prices::test_time_that_nobody_metered_is_an_estimate",),
    ),
)

INVENTORY = (
    Mutant(
        name="what others run is listed as ours",
        file="providers/local/processes.py",
        before="if environment.get(OWNER) == owner and",
        after="if OWNER in environment and",
        killers=("inventory::test_the_work_of_others_is_neither_listed_nor_touched",),
    ),
    Mutant(
        name="batch jobs are not listed",
        file="providers/local/inventory.py",
        before="        yield from self._batch_jobs(running)\n",
        after="",
        killers=("inventory::test_running_work_is_listed_and_finished_work_too",),
    ),
)
