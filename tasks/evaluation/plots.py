"""The pictures of an evaluation, as PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from sklearn.metrics import auc, confusion_matrix, precision_recall_curve, roc_curve

from tasks.evaluation.calibration import Calibration
from tasks.evaluation.gates import Answer, Gate
from tasks.evaluation.metrics import Floats

CHALLENGER, CHAMPION = "#0b7285", "#adb5bd"
COLOURED = 10  # classes, up to which each curve has a colour and a name; of more, few have
WRITTEN = 20  # classes, up to which the shares of a confusion matrix are written into it
COLOURS = {Answer.PASS: "#2b8a3e", Answer.FAIL: "#c92a2a", Answer.INCONCLUSIVE: "#868e96"}


def curves(truth: np.ndarray, scores: Floats, names: Sequence[str], fit: Calibration) -> bytes:
    """Draw ROC, precision and recall, and calibration. The last model is the challenger."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for name, row in zip(names, scores, strict=True):
        colour = CHALLENGER if name == names[-1] else CHAMPION
        false, true, _ = roc_curve(truth, row)
        precision, recall, _ = precision_recall_curve(truth, row)
        left.plot(false, true, color=colour, label=name)
        middle.plot(recall, precision, color=colour, label=name)
    left.plot([0, 1], [0, 1], color="#dee2e6", linewidth=1, zorder=0)
    _label(left, "ROC", "false positive rate", "true positive rate")
    _label(middle, "Precision and recall", "recall", "precision")
    right.plot([0, 1], [0, 1], color="#dee2e6", linewidth=1, zorder=0)
    right.plot(
        [each.score for each in fit.bins],
        [each.rate for each in fit.bins],
        marker="o",
        markersize=4,
        color=CHALLENGER,
    )
    top = max([*(each.score for each in fit.bins), *(each.rate for each in fit.bins), 0.1]) * 1.1
    right.set(xlim=(0, top), ylim=(0, top))
    _label(right, f"Calibration (error {fit.error:.3f})", "mean score", "share that came true")
    left.legend(frameon=False, loc="lower right")
    return _png(figure)


def residuals(truth: np.ndarray, scores: Floats, names: Sequence[str]) -> bytes:
    """Draw predicted against actual values, and what is between them, by size and as a whole."""
    figure = Figure(figsize=(12, 4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    new = scores[-1]
    ends = [float(each) for each in np.quantile(np.concatenate([truth, new]), [0.001, 0.999])]
    square = (*ends, *ends)
    left.hexbin(truth, new, gridsize=50, bins="log", mincnt=1, cmap="Blues", extent=square)
    left.plot(ends, ends, color="#868e96", linewidth=1)
    _label(left, "Predicted and actual", "actual", "predicted")
    width = max(float(np.quantile(np.abs(new - truth), 0.995)), 1e-12)
    box = (float(new.min()), float(new.max()), -width, width)
    middle.hexbin(new, truth - new, gridsize=50, bins="log", mincnt=1, cmap="Blues", extent=box)
    middle.axhline(0, color="#868e96", linewidth=1)
    _label(middle, "Residuals", "predicted", "actual less predicted")
    for name, row in zip(names, scores, strict=True):
        colour = CHALLENGER if name == names[-1] else CHAMPION
        left_over = np.clip(truth - row, -width, width)
        right.hist(left_over, bins=60, histtype="step", color=colour, label=name)
    _label(right, "Residuals, all rows", "actual less predicted", "rows")
    right.legend(frameon=False)
    return _png(figure)


def classes(
    truth: np.ndarray, scores: Floats, names: Sequence[str], fit: Calibration | None
) -> bytes:
    """Draw which class is taken for which, each class against the rest, and the calibration.

    Without ``fit`` the model answers no chances, and the first is all there is to draw.
    """
    figure = Figure(figsize=(6, 5) if fit is None else (16, 5), layout="constrained")
    left, *others = figure.subplots(1, 1 if fit is None else 3, squeeze=False)[0]
    _confusion(left, truth, scores.argmax(axis=1), names)
    if fit is None:
        return _png(figure)
    middle, right = others
    for each in others:
        each.plot([0, 1], [0, 1], color="#dee2e6", linewidth=1, zorder=0)
    _one_against_the_rest(middle, truth, scores, names)
    _label(middle, "ROC, each class against the rest", "false positive rate", "true positive rate")
    reliability = [each.score for each in fit.bins], [each.rate for each in fit.bins]
    right.plot(*reliability, marker="o", markersize=4, color=CHALLENGER)
    x, y = "mean chance of the likeliest", "share that came true"
    _label(right, f"Calibration (error {fit.error:.3f})", x, y)
    return _png(figure)


def _confusion(axes: Axes, truth: np.ndarray, likeliest: np.ndarray, names: Sequence[str]) -> None:
    every = np.arange(len(names) + 1)  # the last one: none of them
    counted = confusion_matrix(truth, likeliest, labels=every)[:-1]
    if not counted[:, -1].any():
        counted = counted[:, :-1]
    shares = counted / np.maximum(counted.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    if len(names) <= WRITTEN:
        for row, column in np.ndindex(shares.shape):
            colour = "white" if shares[row, column] > 0.6 else "#343a40"
            text = f"{shares[row, column]:.2f}"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
        there = [*names, "(other)"][: shares.shape[1]]
        axes.set_xticks(range(len(there)), there, rotation=45, ha="right")
        counts = [
            f"{name} ({count:,})" for name, count in zip(names, counted.sum(axis=1), strict=True)
        ]
        axes.set_yticks(range(len(counts)), counts)
    _label(axes, "Confusion, as shares of each true class", "predicted", "actual (rows)")


def _one_against_the_rest(
    axes: Axes, truth: np.ndarray, scores: Floats, names: Sequence[str]
) -> None:
    """Draw the curve of each class; of many, those of the least and the largest area in colour."""
    curves = {}
    for place, name in enumerate(names):
        of_it = truth == place
        if of_it.any() and not of_it.all():
            false, true, _ = roc_curve(of_it, scores[:, place])
            curves[name] = (float(auc(false, true)), false, true)
    ranked = sorted(curves, key=lambda name: curves[name][0])
    named = ranked if len(ranked) <= COLOURED else [*ranked[:3], ranked[-1]]
    for name in sorted(curves, key=lambda name: name in named):
        area, false, true = curves[name]
        told, colour = (f"{name} {area:.3f}", None) if name in named else (None, CHAMPION)
        axes.plot(false, true, linewidth=1.3, label=told, color=colour)
    if named:
        axes.legend(frameon=False, loc="lower right", fontsize=8, title="class, area")


def forest(gates: Sequence[Gate], metric: str) -> bytes:
    """Draw the gain of each slice, or class, with its interval, against the margin."""
    shown = [gate for gate in gates if gate.gain is not None][::-1]
    figure = Figure(figsize=(8, 1.2 + 0.28 * len(shown)), layout="constrained")
    axes = figure.subplots()
    for row, gate in enumerate(shown):
        axes.plot(
            [gate.low or 0.0, gate.high or 0.0], [row, row], color=COLOURS[gate.answer], linewidth=2
        )
        axes.plot([gate.gain or 0.0], [row], marker="o", color=COLOURS[gate.answer], markersize=5)
    axes.axvline(0, color="#343a40", linewidth=1)
    if shown:
        axes.axvline(-shown[0].margin, color=COLOURS[Answer.FAIL], linewidth=1, linestyle="--")
    axes.set_yticks(range(len(shown)), [f"{gate.name} ({gate.rows:,})" for gate in shown])
    _label(axes, "What the challenger gains", f"gain of {metric}", "")
    return _png(figure)


def _label(axes: Axes, title: str, x: str, y: str) -> None:
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
