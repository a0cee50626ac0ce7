"""The pictures of a watched endpoint, as PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tasks.drift.performance import Measured, Trust
from tasks.drift.quality import MeasuredErrors
from tasks.watch.report import WatchReport

TEAL, GREY, RED = "#0b7285", "#868e96", "#c92a2a"
TRUST = {Trust.USABLE: "#d3f9d8", Trust.DOUBTFUL: "#fff3bf", Trust.UNKNOWN: "#ffe3e3"}
MOST = 40  # columns that are drawn


def drift(reports: Sequence[WatchReport]) -> bytes:
    """Draw the Jensen-Shannon distance of each column in each window; alarms have a dot."""
    shown = [report for report in reports if report.judged]
    peak: dict[str, float] = {}
    for report in shown:
        for each in report.columns:
            peak[each.column] = max(peak.get(each.column, 0.0), each.jensen_shannon or 0.0)
    names = sorted(peak, key=lambda name: -peak[name])[:MOST]
    distance = np.full((len(names), len(shown)), np.nan)
    figure = Figure(figsize=(9, 1.8 + 0.26 * len(names)), layout="constrained")
    axes = figure.subplots()
    for number, report in enumerate(shown):
        told = {each.column: each.jensen_shannon for each in report.columns}
        distance[:, number] = [told.get(name) or np.nan for name in names]
        rows = [names.index(name) for name in {a.column for a in report.alarms} if name in names]
        axes.scatter([number] * len(rows), rows, s=16, color=RED, zorder=3)
    image = axes.imshow(distance, aspect="auto", cmap="Blues", vmin=0, vmax=0.3)
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(shown)), [_when(report) for report in shown], rotation=90)
    axes.set_title("Distance from the training data (red: alarm)", loc="left", fontsize=11)
    figure.colorbar(image, ax=axes, label="Jensen-Shannon distance", extend="max")
    return _png(figure)


def performance(reports: Sequence[WatchReport]) -> bytes:
    """Draw the area under the curve: estimated, on a band that says what it is worth; measured.

    Of a quantity or of classes it is the error, measured.
    """
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    at = {report.window.start: number for number, report in enumerate(reports)}
    for number, report in enumerate(reports):
        if report.estimate is not None:
            colour = TRUST[report.estimate.trust]
            axes.axvspan(number - 0.5, number + 0.5, color=colour, zorder=0, linewidth=0)
    guessed = [
        (number, report.estimate.auc)
        for number, report in enumerate(reports)
        if report.estimate is not None and report.estimate.auc is not None
    ]
    axes.plot(*_columns(guessed), color=GREY, marker="o", linestyle=":", label="estimated")
    seen = [each for report in reports for each in report.with_labels if each.measured]
    true = [
        (at[each.window.start], found, each.measured.low, each.measured.high)
        for each in seen
        if each.measured and each.window.start in at
        if (found := _found(each.measured)) is not None
    ]
    for x, value, low, high in true:
        below, above = value - (low or value), (high or value) - value
        axes.errorbar([x], [value], yerr=[[below], [above]], color=TEAL, marker="o")
    axes.plot(*_columns([(x, value) for x, value, _, _ in true]), color=TEAL, label="measured")
    quality = reports[-1].expected
    expected = quality.error if quality else reports[-1].expected_auc
    if expected is not None:
        axes.axhline(expected, color="#343a40", linewidth=1, linestyle="--", label="held out")
    _trust_legend(figure, axes)
    axes.set_xticks(range(len(reports)), [_when(report) for report in reports], rotation=90)
    axes.set(
        xlim=(-0.5, len(reports) - 0.5), ylabel=quality.words if quality else "area under the curve"
    )
    axes.set_title("Performance, and what the estimate is worth", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def _found(measured: Measured | MeasuredErrors) -> float | None:
    return measured.auc if isinstance(measured, Measured) else measured.error


def _trust_legend(figure: Figure, axes: Axes) -> None:
    for trust, colour in TRUST.items():
        axes.fill_between([], [], [], facecolor=colour, edgecolor=GREY, label=f"estimate {trust}")
    figure.legend(frameon=False, ncols=6, loc="outside lower center", fontsize=8)


def _columns(points: Sequence[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _when(report: WatchReport) -> str:
    start, end = report.window.start, report.window.end
    return f"{start:%Y-%m-%d}" if (end - start).total_seconds() >= 86_400 else f"{start:%d. %H:%M}"


def _png(figure: Figure) -> bytes:
    FigureCanvasAgg(figure)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=110)
    return out.getvalue()
