"""What others decide by, as they document it and as people tune it: rules on minutes of metrics.

Flagger: failed checks add up and are never forgotten. Argo Rollouts: more failed measurements than
the limit. SageMaker: an alarm on the endpoint when two of three minutes are above. Kayenta: its
Mann-Whitney judge (confidence .98, tolerance a quarter of the estimate itself) on series of
minutes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.rollout.worlds import EDGES, ERRORS, STEP_TICKS, TICK, Side, Traffic

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MINUTE = 60 // TICK
STEP_MINUTES = STEP_TICKS // MINUTE
BASE_P99_MS = 40 * float(np.exp(0.5 * 2.4))  # of the usual traffic, what people tune by


@dataclass(frozen=True, slots=True, kw_only=True)
class Minutes:
    """Metrics of one variant, minute by minute."""

    requests: Floats
    errors: Floats  # rate
    p50: Floats  # milliseconds
    p95: Floats
    p99: Floats


def minutes(side: Side) -> Minutes:
    """Return what dashboards show."""
    requests = side.requests.reshape(-1, MINUTE).sum(axis=1).astype(float)
    below = side.latency.reshape(len(requests), MINUTE, -1).sum(axis=1).cumsum(axis=1)

    def quantile(part: float) -> Floats:
        places = (below < part * requests[:, None]).sum(axis=1)
        found: Floats = np.exp(EDGES[np.minimum(places + 1, len(EDGES) - 1)])
        return found

    return Minutes(
        requests=requests,
        errors=side.errors.reshape(-1, MINUTE).sum(axis=1) / np.maximum(requests, 1),
        p50=quantile(0.5),
        p95=quantile(0.95),
        p99=quantile(0.99),
    )


def flagger(green: Minutes, blue: Minutes, *, errors: float, p99: float, limit: int) -> Bools:
    """Return, minute by minute, whether checks that failed so far are too many."""
    failed = (green.errors > errors) | (green.p99 > p99) | (green.requests == 0)
    return np.asarray(failed.cumsum() >= limit)


def argo(
    green: Minutes, blue: Minutes, *, errors: float, p99: float, every: int, limit: int
) -> Bools:
    """Return whether more measurements than the limit have failed."""
    failed = (green.errors > errors) | (green.p99 > p99)
    measured = (np.arange(len(failed)) + 1) % every == 0
    return np.asarray((failed & measured).cumsum() > limit)


def argo_stable(green: Minutes, blue: Minutes, *, ratio: float, limit: int) -> Bools:
    """Return the same for a measurement that compares with the stable variant."""
    failed = (green.errors > ratio * blue.errors) | (green.p99 > ratio * blue.p99)
    return np.asarray(failed.cumsum() > limit)


def sagemaker(green: Minutes, blue: Minutes, *, errors: float, p99: float) -> Bools:
    """Return whether the alarm of the new fleet rings: two of three minutes above."""
    above = ((green.errors > errors) | (green.p99 > p99)).astype(int)
    recent = above + np.append(0, above[:-1]) + np.append([0, 0], above[:-2])
    return np.asarray(recent >= 2)


def kayenta(green: Minutes, blue: Minutes, *, every: int) -> Bools:
    """Return whether any metric is high, looked at so often; it speaks from ten points on."""
    found = np.zeros(len(green.requests), bool)
    for end in range(10, len(found) + 1, every):
        found[end - 1] = any(
            _high(mine[:end], blues[:end])
            for mine, blues in (
                (green.errors, blue.errors),
                (green.p50, blue.p50),
                (green.p95, blue.p95),
                (green.p99, blue.p99),
            )
        )
    return found


def z_test(traffic: Traffic) -> Bools:
    """Return, tick by tick, whether a pooled test of errors is under 1 %, peeked at."""
    requests = [side.requests.cumsum() for side in (traffic.green, traffic.blue)]
    errors = [side.errors.cumsum() for side in (traffic.green, traffic.blue)]
    rate = sum(errors) / np.maximum(sum(requests), 1)
    variance = rate * (1 - rate) * (1 / np.maximum(requests[0], 1) + 1 / np.maximum(requests[1], 1))
    difference = errors[0] / np.maximum(requests[0], 1) - errors[1] / np.maximum(requests[1], 1)
    return np.asarray(difference > 2.326 * np.sqrt(np.maximum(variance, 1e-12)))


Rule = Callable[[Minutes, Minutes], Bools]

RULES: dict[str, Rule] = {
    "Flagger as documented (99 %, p99 500 ms, 10)": lambda g, b: flagger(
        g, b, errors=0.01, p99=500, limit=10
    ),
    "Flagger tuned (2x errors, 1.3x p99, 5)": lambda g, b: flagger(
        g, b, errors=2 * ERRORS, p99=1.3 * BASE_P99_MS, limit=5
    ),
    "Argo Rollouts as documented (95 %, 5 min, 3)": lambda g, b: argo(
        g, b, errors=0.05, p99=np.inf, every=5, limit=3
    ),
    "Argo Rollouts tuned, failureLimit 0": lambda g, b: argo(
        g, b, errors=2 * ERRORS, p99=1.3 * BASE_P99_MS, every=1, limit=0
    ),
    "Argo Rollouts tuned, failureLimit 3": lambda g, b: argo(
        g, b, errors=2 * ERRORS, p99=1.3 * BASE_P99_MS, every=1, limit=3
    ),
    "Argo Rollouts, over 2x stable, failureLimit 3": lambda g, b: argo_stable(
        g, b, ratio=2, limit=3
    ),
    "SageMaker-like alarm (2x errors, 1.3x p99)": lambda g, b: sagemaker(
        g, b, errors=2 * ERRORS, p99=1.3 * BASE_P99_MS
    ),
    "SageMaker-like alarm (4x errors, 2x p99)": lambda g, b: sagemaker(
        g, b, errors=4 * ERRORS, p99=2 * BASE_P99_MS
    ),
    "Kayenta-like judge at step ends": lambda g, b: kayenta(g, b, every=STEP_MINUTES),
    "Kayenta-like judge every minute": lambda g, b: kayenta(g, b, every=1),
}
Z_TEST = "z-test of errors, peeked, 1 %"


def returned_at(traffic: Traffic) -> dict[str, int | None]:
    """Return the tick at whose end each peer returns green; None = never."""
    green, blue = minutes(traffic.green), minutes(traffic.blue)
    found = {name: _first(rule(green, blue), MINUTE) for name, rule in RULES.items()}
    return {**found, Z_TEST: _first(z_test(traffic), 1)}


def _first(alarms: Bools, ticks: int) -> int | None:
    return (int(alarms.argmax()) + 1) * ticks - 1 if alarms.any() else None


def _high(mine: Floats, blues: Floats) -> bool:
    """Lower end of the Hodges-Lehmann interval above a quarter of the estimate."""
    count = len(mine)
    differences = np.sort((mine[:, None] - blues[None, :]).ravel())
    estimate = float(np.median(differences))
    deviation = np.sqrt(count * count * (2 * count + 1) / 12)
    low = differences[max(int(count * count / 2 - 2.326 * deviation), 0)]
    return bool(low > 0.25 * abs(estimate))
