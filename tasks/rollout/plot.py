"""The picture of a rollout: shares, ratios with their confidence sequences, evidence."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from blocks.contracts import Frozen
from tasks.rollout.verdict import Decision, Verdict

GREEN, BLUE, RED, GREY = "#2b8a3e", "#1864ab", "#c92a2a", "#868e96"


class Point(Frozen):
    """One look."""

    at: datetime
    percent: int  # green's configured share
    verdict: Verdict


def draw(points: Sequence[Point]) -> bytes:
    """Return a PNG of all looks of a rollout."""
    first = points[0].at
    seconds = [(point.at - first).total_seconds() for point in points]
    figure = Figure(figsize=(9, 8), layout="constrained")
    top, middle, bottom = figure.subplots(3, 1, sharex=True)

    top.step(seconds, [point.percent for point in points], where="post", color=GREEN)
    top.plot(
        seconds, [100 * p.verdict.share for p in points], color=GREY, linestyle=":", label="seen"
    )
    top.set(ylim=(-3, 103), ylabel="green's share, %")
    top.set_title("Traffic (dotted: observed over the whole rollout)", loc="left", fontsize=11)

    for index, colour in ((0, RED), (2, BLUE)):
        found = [point.verdict.findings[index] for point in points]
        middle.plot(seconds, [each.ratio for each in found], color=colour, label=found[0].metric)
        middle.fill_between(
            seconds,
            [each.low for each in found],
            [each.high for each in found],
            color=colour,
            alpha=0.12,
            linewidth=0,
        )
    middle.axhline(1, color=GREY, linewidth=1)
    middle.set(yscale="log", ylim=(1 / 50, 50), ylabel="green / blue")
    middle.set_title("Ratios with 95 % confidence sequences", loc="left", fontsize=11)
    middle.legend(frameon=False)

    bottom.plot(seconds, [max(p.verdict.evidence, 1e-3) for p in points], color=RED, label="harm")
    bottom.axhline(points[-1].verdict.threshold, color=RED, linestyle="--", linewidth=1)
    bottom.set(yscale="log", ylabel="evidence of harm", xlabel="seconds since the first step")
    right = bottom.twinx()
    right.plot(seconds, [100 * p.verdict.certified for p in points], color=GREEN)
    right.set(ylim=(0, 105))
    right.set_ylabel("shown not worse, %", color=GREEN)
    ended = points[-1].verdict.decision
    what = "returned" if ended is Decision.RETURN else "never reached the dashed line"
    bottom.set_title(f"Evidence against green: {what}", loc="left", fontsize=11)

    for axes in (top, middle, bottom):
        axes.spines[["top", "right"]].set_visible(False)
    FigureCanvasAgg(figure)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=90)
    return out.getvalue()
