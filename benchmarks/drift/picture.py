"""The picture of the benchmark: everything should be low."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

COLOURS = (
    "#0b7285",
    "#22b8cf",
    "#adb5bd",
    "#868e96",
    "#f08c00",
    "#e8590c",
    "#c92a2a",
    "#862e9c",
    "#5c940d",
)

Lines = Mapping[str, Sequence[tuple[float, float]]]  # by name: rows, and what is drawn


def draw(cpu: Lines, memory: Lines, called: Lines, to: Path) -> None:
    """Draw CPU seconds, MB, and per cent of windows falsely called, against rows."""
    figure = Figure(figsize=(14, 5.5), layout="constrained")
    for axes, lines, title in zip(
        figure.subplots(1, 3),
        (cpu, memory, called),
        ("CPU seconds", "Largest memory, MB", "Windows without drift that are called (%)"),
        strict=True,
    ):
        _lines(axes, lines)
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xscale("log")
        axes.set_xlabel("rows of a window")
        axes.spines[["top", "right"]].set_visible(False)
        if lines is not called:
            axes.set_yscale("log")
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(0, -0.15))
    figure.savefig(to, metadata={"Date": None})


def _lines(axes: Any, lines: Lines) -> None:
    for number, (name, points) in enumerate(lines.items()):
        axes.plot(
            [rows for rows, _ in points],
            [value for _, value in points],
            marker="o",
            markersize=4,
            linewidth=3 if number == 0 else 1.5,
            color=COLOURS[number % len(COLOURS)],
            label=name,
        )
