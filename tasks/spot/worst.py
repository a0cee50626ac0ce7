"""The deadline, kept for certain: what may still be done if spot is never seen again.

The safety net of Wu et al., "Can't Be Late" (NSDI 2024, section 3.2), as an exact test of each
action through the whole launch overhead, in place of a fixed threshold.
"""

from __future__ import annotations

from tasks.spot.situation import Machine, Situation, Terms

ROUNDING = 1e-9  # hours


def may_wait(now: Situation, terms: Terms) -> bool:
    """Whether on-demand, launched after one more step, still meets the deadline."""
    return now.time_left - terms.step >= now.work_left + terms.overhead - ROUNDING


def may_launch(now: Situation, terms: Terms) -> bool:
    """Whether on-demand, launched now, meets the deadline."""
    return now.time_left >= now.work_left + terms.overhead - ROUNDING


def may_hold(now: Situation, terms: Terms, to: Machine) -> bool:
    """Whether the deadline is met if spot machine ``to`` is lost as early as it may be."""
    launching = now.launching if now.machine == to else terms.overhead
    progress = max(0.0, min(terms.step, terms.certain) - launching)
    if progress >= now.work_left:
        return True
    after = now.work_left - progress + terms.lost
    return now.time_left - terms.step >= after + terms.overhead - ROUNDING
