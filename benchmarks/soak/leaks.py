"""Whether what is held grows: judged on samples at rest, of which the first warm everything up."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.soak.samples import Held

WARM_UP = 2  # samples at rest, after which all imports and caches are there
LEAST = 4  # samples at rest that can be judged
ALLOWED = {"processes": 0.0, "files": 3.0, "sockets": 3.0, "megabytes": 25.0}
SHARE = {"processes": 0.0, "files": 0.05, "sockets": 0.05, "megabytes": 0.10}
THEIRS = (  # told, and not judged
    "Prefect server",  # keeps its events in memory for hours
    "emulator",  # holds what the cloud would: the objects, logs and calls of all releases
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """How what one kind of process holds has changed from the first samples to the last."""

    kind: str
    what: str
    first: float
    last: float
    leaks: bool


def growth(rests: Sequence[Mapping[str, Held]]) -> list[Growth]:
    """Return the change of each figure: the median of the last third over that of the first.

    Raises ValueError for too few samples to tell.
    """
    warm = list(rests)[WARM_UP:]
    if len(warm) < LEAST:
        raise ValueError(
            f"{len(rests)} rounds: {WARM_UP + LEAST} are needed to tell; let it run for longer"
        )
    kinds = sorted({kind for each in warm for kind in each})
    return [_growth(warm, kind, what) for kind in kinds for what in ALLOWED]


def _growth(warm: Sequence[Mapping[str, Held]], kind: str, what: str) -> Growth:
    values = [float(getattr(each[kind], what)) if kind in each else 0.0 for each in warm]
    third = max(2, len(values) // 3)
    first, last = statistics.median(values[:third]), statistics.median(values[-third:])
    allowed = max(ALLOWED[what], SHARE[what] * first)
    leaks = last - first > allowed and not (kind in THEIRS and what == "megabytes")
    return Growth(kind=kind, what=what, first=first, last=last, leaks=leaks)


def table(found: Sequence[Growth]) -> str:
    """Return the figures as markdown: one line a kind, first and last."""
    kinds = sorted({each.kind for each in found})
    lines = [f"| {' | '.join(['kind of process', *ALLOWED])} |", "|---|" + "---:|" * len(ALLOWED)]
    for kind in kinds:
        cells = [_cell(each) for each in found if each.kind == kind]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(one: Growth) -> str:
    said = f"{one.first:.0f} → {one.last:.0f}" if one.first != one.last else f"{one.last:.0f}"
    return f"**{said}**" if one.leaks else said
