"""The picture: how many requests a worse version answers before it is returned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.rollout.contest import OURS, Score

COLOURS = ("#2b8a3e", "#1864ab", "#c92a2a", "#e8590c", "#868e96")
SHOWN = ("Flagger as documented", "Argo Rollouts as documented", "SageMaker-like alarm (4x", "Kay")


def draw(table: Mapping[str, Mapping[str, Score]], worlds: Sequence[str], file: Path) -> None:
    """Write a bar for each world and decider, on a logarithmic axis."""
    names = [OURS, *(next(name for name in table if name.startswith(each)) for each in SHOWN)]
    figure = Figure(figsize=(9, 5.5), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(worlds))[::-1]
    for number, (name, colour) in enumerate(zip(names, COLOURS, strict=True)):
        mean = [float(np.mean(table[name][world].exposed)) for world in worlds]
        axes.barh(places + 0.32 - 0.16 * number, mean, height=0.15, color=colour, label=name)
    axes.set(xscale="log", xlabel="mean requests on the worse version, over all rollouts")
    axes.set_yticks(places, worlds)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(file)
