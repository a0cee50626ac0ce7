"""Let a policy take a job through a recorded market, and add up what it pays."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from benchmarks.spot.scenario import Scenario
from tasks.spot.situation import Action, Decision, Machine, Offer, Situation

DONE = 1e-9  # hours of work that are none


class Policy(Protocol):
    def decide(self, now: Situation) -> Decision: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How a job went."""

    cost: float
    late: bool
    launches: int
    on_demand_hours: float
    decisions: int
    seconds: float  # CPU of all decisions
    slowest: float  # CPU of one decision


def simulate(scenario: Scenario, policy: Policy) -> Run:
    """Run the job tick by tick. The policy sees a tick's state when it begins, and no later one.

    Raises ValueError for spot asked where there is none.
    """
    gap, work = scenario.gap, scenario.work
    machine: Machine | None = None
    launching = cost = on_demand = spent = slowest = 0.0
    kept_in, launches, tick = "", 0, 0
    ups = np.stack([zone.up for zone in scenario.zones]).T.tolist()
    prices = np.stack([zone.spot for zone in scenario.zones]).T.tolist()
    where = {zone.name: index for index, zone in enumerate(scenario.zones)}
    offers: tuple[Offer, ...] = ()
    while tick < scenario.ticks and work > DONE:
        up, price = ups[tick], prices[tick]
        if not tick or up != ups[tick - 1] or price != prices[tick - 1]:
            offers = tuple(
                Offer(zone=zone.name, up=up[i], spot=price[i], on_demand=zone.on_demand)
                for i, zone in enumerate(scenario.zones)
            )
        if machine is not None and machine.spot and not up[where[machine.zone]]:
            machine, launching = None, 0.0
        now = Situation(
            work_left=work,
            time_left=(scenario.ticks - tick) * gap,
            offers=offers,
            machine=machine,
            launching=launching,
            kept_in=kept_in,
        )
        began = time.process_time_ns()
        decision = policy.decide(now)
        took = (time.process_time_ns() - began) / 1e9
        spent, slowest = spent + took, max(slowest, took)
        if decision.action is Action.WAIT:
            machine, launching = None, 0.0
        elif decision.action is not Action.STAY:
            wanted = Machine(zone=decision.zone, spot=decision.action is Action.SPOT)
            if wanted.spot and not up[where[wanted.zone]]:
                raise ValueError(f"spot asked in {wanted.zone} at tick {tick}; there is none")
            if wanted != machine:
                if kept_in and kept_in != wanted.zone:
                    cost += scenario.egress.get((kept_in, wanted.zone), 0.0)
                machine, launching, kept_in = wanted, scenario.overhead, wanted.zone
                launches += 1
        if machine is not None:
            progress = min(max(0.0, gap - launching), work)
            finished = progress >= work - DONE
            held = min(gap, launching + work) if finished and not scenario.whole_ticks else gap
            index = where[machine.zone]
            cost += held * (price[index] if machine.spot else scenario.zones[index].on_demand)
            on_demand += 0.0 if machine.spot else held
            launching, work = max(0.0, launching - gap), work - progress
        tick += 1
    return Run(
        cost=cost,
        late=work > DONE,
        launches=launches,
        on_demand_hours=on_demand,
        decisions=tick,
        seconds=spent,
        slowest=slowest,
    )
