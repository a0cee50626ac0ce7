"""A picture of the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure


def draw(ratios: Mapping[str, Sequence[float]], sets: Sequence[str], file: Path) -> None:
    """Draw mean cost over the optimum, in percent above it, by set and policy."""
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(ratios)
    for index, (name, means) in enumerate(ratios.items()):
        places = [at + index * width for at in range(len(sets))]
        bars = axes.bar(places, [100 * (mean - 1) for mean in means], width, label=name)
        axes.bar_label(bars, fmt="%.0f", fontsize=7)
    axes.set_xticks([at + 0.4 - width / 2 for at in range(len(sets))])
    axes.set_xticklabels([name.removesuffix(", $") for name in sets])
    axes.set_ylabel("mean cost above the optimum, %")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    with mpl.rc_context({"svg.hashsalt": "spot"}):
        figure.savefig(file, metadata={"Date": None})
