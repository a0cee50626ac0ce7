"""How well a model does: estimated without labels, and measured when labels come.

The estimate takes the model's own calibrated scores for the truth (confidence-based performance
estimation, Garg et al., ICLR 2022, and NannyML's CBPE). It holds while the rows look like those it
was calibrated on, and is worth nothing elsewhere: there it raised no alarm while the area under
the curve fell by .11. So it never comes without a word on whether it can be trusted.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from blocks.contracts import Frozen

USABLE = 0.8
"""Domain AUC below which the rows are like the reference's."""
UNKNOWN = 0.9
"""Domain AUC above which they are outside of what the model was trained on: fetch labels."""

BLOCKS, FOLDS = 12, 3  # blocks of rows that are near in time, and what they are put into

Floats = npt.NDArray[np.float64]


class Trust(StrEnum):
    """Whether an estimate without labels can be believed."""

    USABLE = "usable"
    DOUBTFUL = "doubtful"
    UNKNOWN = "unknown"  # outside of the training support; only labels can tell


class Calibrator(Frozen):
    """Turns scores into probabilities: linear between the knots, which rise."""

    scores: tuple[float, ...]
    chances: tuple[float, ...]
    auc: float  # of the scores it was fitted on
    base_rate: float
    rows: int

    def __call__(self, scores: npt.ArrayLike) -> Floats:
        """Return the chance of each score to come true."""
        found: Floats = np.interp(np.asarray(scores, dtype=float), self.scores, self.chances)
        return found


class Estimate(Frozen):
    """Performance without labels, and whether to believe it."""

    rows: int
    auc: float | None  # None = every row would have the same outcome
    low: float | None  # 95 % interval from the number of rows alone; drift is not in it
    high: float | None
    base_rate: float  # share of rows expected to come true
    domain_auc: float
    trust: Trust


class Measured(Frozen):
    """Performance with labels."""

    rows: int
    auc: float | None  # None = every row had the same outcome
    low: float | None
    high: float | None
    base_rate: float  # share that came true
    expected_rate: float  # share that the calibrated scores had promised
    loss: float  # mean Brier loss, 0..1


def calibrate(scores: Floats, truth: npt.NDArray[np.int64]) -> Calibrator:
    """Fit probabilities by isotonic regression (Zadrozny and Elkan, KDD 2002).

    Scores and truth must come from rows that the model was not trained on.
    """
    order = np.argsort(scores, kind="stable")
    values, starts = np.unique(scores[order], return_index=True)
    weights = np.diff(starts, append=len(scores)).astype(np.float64)
    means = np.add.reduceat(truth[order].astype(np.float64), starts) / weights
    fitted = _isotonic(means, weights)
    # only where a step begins or ends is a knot needed
    inner = (fitted[1:-1] != fitted[:-2]) | (fitted[1:-1] != fitted[2:])
    knots = np.flatnonzero(np.concatenate([[True], inner, [True]])[: len(values)])
    return Calibrator(
        scores=tuple(values[knots].tolist()),
        chances=tuple(fitted[knots].tolist()),
        auc=area(scores, truth.astype(np.float64)) or 0.5,
        base_rate=float(truth.mean()),
        rows=len(truth),
    )


def estimate(calibrator: Calibrator, scores: Floats, domain_auc: float) -> Estimate:
    """Return the expected area under the curve if the calibration still holds."""
    chances = calibrator(scores)
    auc = area(scores, chances)
    low, high = _interval(auc, float(chances.sum()), float((1 - chances).sum()))
    return Estimate(
        rows=len(scores),
        auc=auc,
        low=low,
        high=high,
        base_rate=float(chances.mean()),
        domain_auc=domain_auc,
        trust=trust(domain_auc),
    )


def measure(calibrator: Calibrator, scores: Floats, truth: npt.NDArray[np.int64]) -> Measured:
    """Return the performance on rows whose labels are known."""
    weights = truth.astype(np.float64)
    auc = area(scores, weights)
    low, high = _interval(auc, float(weights.sum()), float((1 - weights).sum()))
    chances = calibrator(scores)
    return Measured(
        rows=len(scores),
        auc=auc,
        low=low,
        high=high,
        base_rate=float(weights.mean()),
        expected_rate=float(chances.mean()),
        loss=float(((chances - weights) ** 2).mean()),
    )


def trust(domain_auc: float) -> Trust:
    """Say what an estimate is worth on rows that can be told from the reference's so well."""
    if domain_auc > UNKNOWN:
        return Trust.UNKNOWN
    return Trust.USABLE if domain_auc < USABLE else Trust.DOUBTFUL


def domain_auc(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    *,
    batches: npt.ArrayLike | None = None,
    rows: int = 4000,
) -> float:
    """Return how well a classifier tells the two apart; 0.5 = not at all, 1 = always.

    Source: Lopez-Paz and Oquab, Revisiting classifier two-sample tests, ICLR 2017. Out of fold, on
    at most ``rows`` of each, on the columns that both have. Folds are cut between the reference's
    batches and between blocks of the current rows, which must be in the order of time: what only
    betrays the day (its weather, its load) is of no help on other days, and does not count.
    """
    parts, folds, random = [], [], np.random.default_rng(0)
    groups = np.arange(len(reference)) * BLOCKS // max(len(reference), 1)
    if batches is not None:
        groups = np.unique(np.asarray(batches), return_inverse=True)[1]
    blocks = np.arange(len(current)) * BLOCKS // max(len(current), 1)
    columns = [name for name in reference.columns if name in current.columns]
    for frame, group in ((reference, groups), (current, blocks)):
        size = min(rows, len(frame))
        chosen = np.sort(random.choice(len(frame), size, replace=False))
        parts.append(frame[columns].iloc[chosen])
        folds.append(group[chosen] % FOLDS)
    origin = np.repeat([0, 1], [len(part) for part in parts])
    coded, fold = _coded(pd.concat(parts, ignore_index=True)), np.concatenate(folds)
    found = [_told_apart(coded, origin, fold == each) for each in range(FOLDS)]
    known = [each for each in found if each is not None]
    return max(float(np.mean(known)), 0.5) if known else 0.5


def _told_apart(
    coded: pd.DataFrame, origin: npt.NDArray[np.int64], test: npt.NDArray[np.bool_]
) -> float | None:
    if len(np.unique(origin[~test])) < 2:
        return None
    model = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.2, random_state=0)
    with threadpool_limits(1):  # small trees: threads cost more than they bring
        chances = model.fit(coded[~test], origin[~test]).predict_proba(coded[test])[:, 1]
    return area(chances, origin[test].astype(np.float64))


def area(scores: Floats, weights: Floats) -> float | None:
    """Return the area under the ROC curve where row i is positive with chance ``weights[i]``.

    With weights of 0 and 1 it is the usual one; ties count half. None if all rows have the same.
    """
    values, inverse = np.unique(scores, return_inverse=True)
    positive = np.bincount(inverse, weights=weights, minlength=len(values))
    negative = np.bincount(inverse, weights=1 - weights, minlength=len(values))
    pairs = float(positive.sum() * negative.sum())
    if pairs <= 0:
        return None
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / pairs)


def _isotonic(means: Floats, weights: Floats) -> Floats:
    """Pool adjacent violators (Ayer et al., Annals of Mathematical Statistics 26, 1955)."""
    blocks: list[tuple[float, float, int]] = []  # mean, weight, values
    for mean, weight in zip(means.tolist(), weights.tolist(), strict=True):
        block = (mean, weight, 1)
        while blocks and blocks[-1][0] >= block[0]:
            last = blocks.pop()
            total = last[1] + block[1]
            block = (
                (last[0] * last[1] + block[0] * block[1]) / total,
                total,
                last[2] + block[2],
            )
        blocks.append(block)
    return np.repeat([block[0] for block in blocks], [block[2] for block in blocks])


def _interval(
    auc: float | None, positives: float, negatives: float
) -> tuple[float | None, float | None]:
    """Return the 95 % interval of an area (Hanley and McNeil, Radiology 143, 1982)."""
    if auc is None or min(positives, negatives) < 2:
        return None, None
    one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc) + (positives - 1) * (one - auc**2) + (negatives - 1) * (two - auc**2)
    ) / (positives * negatives)
    width = float(norm.isf(0.025)) * float(np.sqrt(max(variance, 0)))
    return max(auc - width, 0.0), min(auc + width, 1.0)


def _coded(frame: pd.DataFrame) -> pd.DataFrame:
    """Return numbers only: categories by their rank, the most frequent first."""
    coded = {}
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_numeric_dtype(column):
            coded[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        elif pd.api.types.is_datetime64_any_dtype(column):
            coded[name] = column.astype("int64").to_numpy(dtype=np.float64)
        else:
            text = column.astype("str")
            coded[name] = text.map(text.value_counts().rank(method="first")).to_numpy(np.float64)
    return pd.DataFrame(coded)
