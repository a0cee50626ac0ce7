"""Alarms that mean something: measured against how the reference's own batches differ.

Each batch of the reference is compared with the others, as a window will be with all of them. The
largest surprise of each batch over all columns and kinds of change tells where the alarm has to
stand so that a window without drift passes it with the probability asked for, all columns taken
together. Besides, a change must be large enough to matter: an effect floor for each kind.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.stats import chi2, gumbel_r, norm

from blocks.contracts import Frozen
from tasks.drift.compare import Watched, watched_of
from tasks.drift.histogram import Floats
from tasks.drift.noise import surprise, wobble, wobble_of_others
from tasks.drift.profile import Column, Profile
from tasks.drift.reference import ReferenceProfile
from tasks.drift.view import Change

FLOORS: Mapping[Change, float] = {
    Change.SHAPE: 0.025,
    Change.PLACE: 0.02,
    Change.LOW_TAIL: 0.005,
    Change.HIGH_TAIL: 0.005,
    Change.LEVEL: 0.01,
    Change.MISSING: 0.01,
    Change.UNSEEN: 0.001,
    Change.ABSENT: 0.0,
}
"""Smaller changes are no reason for an alarm, however sure they are."""

CERTAIN = 99.0  # larger surprises are told as this one

HEAVY = 6.0
"""A change that surprised so much within the reference has its own limit: it may happen again."""


class Finding(Frozen):
    """One kind of change of one column."""

    column: str
    change: Change
    effect: float  # the distance, or the share
    floor: float
    surprise: float  # in standard deviations, about; 99 for what was never seen
    limit: float  # what the surprise has to pass
    alarm: bool


class Alarms:
    """Judges windows against one reference, at a chance of a false alarm per window."""

    def __init__(
        self,
        reference: ReferenceProfile,
        *,
        false_alarms: float = 0.05,
        floors: Mapping[Change, float] | None = None,
    ) -> None:
        if len(reference.batches) < 3:
            raise ValueError("a reference needs three batches or more to show how much they differ")
        self._floors = {**FLOORS, **(floors or {})}
        profiles = list(reference.batches.values())
        whole = reference.whole
        self._watched = [
            watched_of(name, whole.columns[name], [profile.columns[name] for profile in profiles])
            for name in reference.axes.names
        ]
        cells = [self._calibrate(each) for each in self._watched]
        self._wobble = [usual for usual, _ in cells]
        scores = np.concatenate([scores for _, scores in cells], axis=1)
        self.limit, self.heavy_limit = _limits(scores, false_alarms)
        self._heavy = [scores.max(axis=0) > HEAVY for _, scores in cells]

    def judge(self, window: Profile) -> tuple[Finding, ...]:
        """Return every kind of change of every column, with its verdict, in the columns' order."""
        found: list[Finding] = []
        for number, watched in enumerate(self._watched):
            column = window.columns.get(watched.name)
            if column is None:
                found.append(self._finding(watched.name, Change.ABSENT, 1.0, np.inf, self.limit))
            elif column.rows:
                found += self._compare(number, watched, column)
        return tuple(found)

    def _compare(self, number: int, watched: Watched, column: Column) -> list[Finding]:
        effects = watched.effects(column)
        scores = surprise(effects**2, watched.noise_of(column), self._wobble[number])
        limits = np.where(self._heavy[number], self.heavy_limit, self.limit)
        by_kind: dict[Change, Finding] = {}
        for kind, *values in zip(watched.kinds, effects, scores, limits, strict=True):
            finding = self._finding(watched.name, kind, *map(float, values))
            by_kind[kind] = max(by_kind.get(kind, finding), finding, key=_weight)
        found = list(by_kind.values())
        new = watched.new_in(column)
        if new is not None:
            score = self._surprise_of_new(watched, new, column.values)
            share = new / max(column.values, 1)
            found.append(self._finding(watched.name, Change.UNSEEN, share, score, self.limit))
        return found

    def _surprise_of_new(self, watched: Watched, new: int, values: int) -> float:
        """Tell whether there are surely more new values than any batch brought by itself.

        By the chance of so many rows if the usual share were the true one (Poisson).
        """
        usual = max(watched.unseen, self._floors[Change.UNSEEN]) * values
        chance = float(chi2.cdf(2 * usual, 2 * new)) if new else 1.0
        return float(norm.isf(min(max(chance, 1e-300), 1 - 1e-16)))

    def _finding(
        self, column: str, change: Change, effect: float, score: float, limit: float
    ) -> Finding:
        floor = self._floors[change]
        return Finding(
            column=column,
            change=change,
            effect=effect,
            floor=floor,
            surprise=min(max(score, -CERTAIN), CERTAIN),
            limit=limit,
            alarm=effect > floor and score > limit,
        )

    def _calibrate(self, watched: Watched) -> tuple[Floats, Floats]:
        """Return w^2 (kinds,) and how surprising each batch is (batches, kinds) to the others."""
        squared, noise = watched.among_batches()
        excess = squared - noise.mean
        usual = wobble(excess, noise.variance)
        scores = surprise(squared, noise, wobble_of_others(excess, noise.variance))
        # nothing of the kind in any other batch: then it counts as it will from now on
        scores = np.where(np.isposinf(scores), surprise(squared, noise, usual), scores)
        floors = np.array([self._floors[kind] for kind in watched.kinds])
        # far below its floor a change raises no alarm, so it cannot raise a false one
        return usual, np.where(squared > (floors / 2) ** 2, scores, -np.inf)


def _weight(finding: Finding) -> tuple[bool, float]:
    """Of several changes of a kind the alarming one is told, then the most surprising one."""
    return finding.alarm, finding.surprise - finding.limit


def _limits(scores: Floats, chance: float) -> tuple[float, float]:
    """Return the limits of usual and of heavy cells from scores (batches, cells)."""
    heavy = scores.max(axis=0) > HEAVY
    usual = _limit(scores[:, ~heavy], chance, tests=scores.shape[1])
    if not heavy.any():
        return usual, usual
    return usual, max(usual, 1.05 * float(scores[:, heavy].max()))


def _limit(scores: Floats, chance: float, *, tests: int) -> float:
    """Return the surprise that a window without drift passes with that chance.

    The largest of: what independent tests would need (Sidak); what the batches showed, by rank
    (exchangeability: split conformal prediction); a Gumbel law fitted to them, for few batches.
    """
    largest = scores.max(axis=1, initial=-np.inf)
    limit = float(norm.isf(1 - (1 - chance) ** (1 / tests)))
    seen = largest[np.isfinite(largest)]
    if len(seen):
        rank = min(int(np.ceil((1 - chance) * (len(largest) + 1))), len(largest))
        limit = max(limit, float(np.sort(largest)[rank - 1]))
    if len(seen) > 2:
        scale = float(seen.std(ddof=1)) * np.sqrt(6) / np.pi
        place = float(seen.mean()) - np.euler_gamma * scale
        limit = max(limit, float(gumbel_r.isf(chance, loc=place, scale=max(scale, 1e-9))))
    return limit
