"""What an outlook is solved over besides time: slack, or the work that is left.

Time left is slack and work together, so either says the other. Slack tells apart what matters close
to the deadline, where a launch more or less decides. With far more time than work it is the work
that decides, of which points of slack, hours apart, would see nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tasks.spot.chains import Array

AMPLE = 4.0  # times the work: slack from which on points of slack are too far apart for it
STEPS, POINTS, PARTS = 96, 28, 6
ALMOST = 1e-6  # of a step: work that is left, but hardly any


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Points of slack or of work at which the expected cost is known, and steps of time.

    Matrices read it at other points; none where a step stays at its point.
    """

    points: Array
    step: float  # hours
    steps: int
    of_work: bool
    half: Array
    launch: Array
    run: Array | None = None
    wait: Array | None = None

    def work(self, k: int) -> Array:
        """Return the hours of work left at the points, ``k`` steps before the deadline."""
        return self.points if self.of_work else np.maximum(k * self.step - self.points, 0.0)

    def slack(self, k: int) -> Array:
        """Return the slack at the points, ``k`` steps before the deadline."""
        slack: Array = k * self.step - self.points
        return slack if self.of_work else self.points

    def at(self, time_left: float, slack: float) -> float:
        """Return where on the axis that is."""
        at = max(time_left - slack, float(self.points[1])) if self.of_work else max(slack, 0.0)
        return min(at, float(self.points[-1]))

    def ran(self, after: Array) -> Array:
        """Return what is expected before a step of work, from what is after it."""
        return after if self.run is None else after @ self.run

    def half_ran(self, after: Array) -> Array:
        """Return the same for a step of which half was work."""
        return after @ self.half

    def waited(self, after: Array) -> Array:
        """Return the same for a step without work."""
        return after if self.wait is None else after @ self.wait

    def launched(self, ran: Array) -> Array:
        """Return what is expected before a step that begins with a launch, from ``ran``."""
        return ran @ self.launch


def slack_axis(*, hours: float, slack: float, overhead: float, step: float) -> Axis:
    """Return points of slack, dense where launches decide; a machine that works stays there."""
    step = max(step, hours / STEPS)
    first = max(overhead, slack / 200, 1e-4)
    points = np.concatenate([[0.0], np.geomspace(first, max(slack, 2 * first), POINTS)])
    return Axis(
        points=points,
        step=step,
        steps=math.ceil(hours / step) + 1,
        of_work=False,
        half=_read(points, points - step / 2),
        launch=_read(points, points - overhead),
        wait=_read(points, points - step),
    )


def work_axis(*, hours: float, work: float, overhead: float, step: float) -> Axis:
    """Return points of work left, a step apart; who waits stays there.

    Of more time than the steps cover it is known that there is no less: none is short by then.
    """
    step = max(step, min((work + overhead) / PARTS, 2 * hours / STEPS))
    count = math.ceil(work / step) + math.ceil(overhead / step) + 2
    points = step * np.insert(np.arange(count, dtype=np.float64), 1, ALMOST)
    return Axis(
        points=points,
        step=step,
        steps=min(math.ceil(hours / step), STEPS) + 1,
        of_work=True,
        half=_read(points, points - step / 2),
        launch=_read(points, points + overhead),
        run=_read(points, points - step),
    )


def _read(points: Array, at: Array) -> Array:
    """Return the matrix that reads values at ``points`` elsewhere, linearly between them."""
    at = np.clip(at, points[0], points[-1])
    low = np.clip(np.searchsorted(points, at, side="right") - 1, 0, len(points) - 2)
    share = (at - points[low]) / (points[low + 1] - points[low])
    matrix, columns = np.zeros((len(points), len(points))), np.arange(len(points))
    matrix[low, columns] = 1 - share
    matrix[low + 1, columns] += share
    return matrix
