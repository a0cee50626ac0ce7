"""The picture of the benchmark: left should be empty, right full."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

COLOURS = ("#0b7285", "#e8590c", "#f08c00", "#868e96", "#adb5bd", "#ced4da")


def draw(
    rates: Mapping[str, Mapping[str, float]], fine: Sequence[str], harmed: Sequence[str], to: Path
) -> None:
    """Draw the rates (by rule, by world; 0 to 1) of both kinds of worlds."""
    figure = Figure(figsize=(11, 5.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, worlds, title in (
        (left, fine, "Blocked, although fine (%)"),
        (right, harmed, "Harmed slice caught (%)"),
    ):
        height = 0.8 / len(rates)
        for number, (rule, found) in enumerate(rates.items()):
            places = np.arange(len(worlds)) + (number - len(rates) / 2 + 0.5) * height
            axes.barh(
                places,
                [100 * found[world] for world in worlds],
                height,
                label=rule,
                color=COLOURS[number % len(COLOURS)],
            )
        axes.set_yticks(range(len(worlds)), worlds)
        axes.invert_yaxis()
        axes.set_xlim(0, 100)
        axes.set_title(title, loc="left", fontsize=11)
        axes.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.08))
    figure.savefig(to, metadata={"Date": None})
