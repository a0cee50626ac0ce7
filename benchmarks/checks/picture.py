"""The picture of the benchmark: left should be empty, right full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.checks.ours import Found

COLOURS = ("#0b7285", "#e8590c", "#f08c00", "#868e96")


def draw(
    clean: Mapping[str, Mapping[str, Sequence[Found]]],
    named: Mapping[str, Sequence[float]],
    corruptions: Sequence[str],
    to: Path,
) -> None:
    """Draw the clean weeks that fail, and the share of defects that is named (0 to 1)."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    years = {
        name: [
            float(np.mean([bool(each.hard) for each in found[name]])) for found in clean.values()
        ]
        for name in named
    }
    _bars(left, years, list(clean), "Clean weeks that fail (%)")
    _bars(right, named, corruptions, "Defects named by a right check (%)")
    right.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.06))
    figure.savefig(to, metadata={"Date": None})


def _bars(
    axes: Axes, rates: Mapping[str, Sequence[float]], places: Sequence[str], title: str
) -> None:
    height = 0.8 / len(rates)
    for number, (name, shares) in enumerate(rates.items()):
        at = np.arange(len(places)) + (number - len(rates) / 2 + 0.5) * height
        axes.barh(at, [100 * share for share in shares], height, label=name, color=COLOURS[number])
    axes.set_yticks(range(len(places)), places)
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_title(title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
