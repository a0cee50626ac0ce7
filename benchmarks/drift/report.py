"""The tables of the benchmark, from what was measured, as markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scipy.stats import binomtest

from benchmarks.drift import flights, leaks, packages, quality, validation
from benchmarks.drift.cost import BEFORE, LARGE, ORDER, OURS_THEN, TOO_MUCH
from benchmarks.drift.notes import Cell, Notes
from benchmarks.drift.quality import FALSE_ROWS, NAMES, OURS, POWER_ROWS, WOBBLE
from benchmarks.drift.world import DRIFTS, TOGETHER

STORED = "ours, stored reference"
MATTERS = [name for name, drift in DRIFTS.items() if drift.matters]


def told(notes: Notes, sizes: Sequence[int]) -> Iterator[str]:
    """Yield the lines of all tables."""
    yield from _section("Our bars", _bars(notes), ["bar", "asked", "measured", "so it is"])
    heads = [f"{rows:,} rows" for rows in sizes]
    yield from _section(
        "CPU seconds / largest memory of all its processes, MB", _costs(notes, sizes), ["", *heads]
    )
    yield from ["", _empty(notes)]
    heads = [f"{rows:,}{', wobble' if wobble else ''}" for rows, wobble in _false_columns()]
    yield from _section(
        "No drift: windows in which any of 30 columns is called, %", _false(notes), ["", *heads]
    )
    for rows in POWER_ROWS:
        yield from _section(
            f"Drift in one column, {rows:,} rows, wobble: called / other columns called beside it",
            _power(notes, rows),
            ["", *DRIFTS],
        )
    for rows in leaks.ROWS:
        yield from _section(
            f"Leaks, {rows:,} rows a window, wobble: windows until called, median / nine of ten",
            leaks.table(notes, rows),
            ["", *(f"{name} a window" for name in leaks.LEAKS), *leaks.FALSE],
        )
    yield from _section(
        f"The packages themselves, on rows: {packages.ROWS:,} a window, defaults",
        _packages(notes),
        ["", "any column, no drift", "any column, wobble", *TOGETHER, "other columns"],
    )
    yield from ["", _agreement(notes)]
    yield from _section(
        "Validation: 57 expectations on flights, CPU seconds / memory, MB",
        _validation(notes),
        ["", *(f"{rows:,} rows" for rows in _validated())],
    )

    yield from _section(
        "Flights of 2013, a model of January to April: can the estimate be believed?",
        _flights(notes),
        ["rows of", "columns called", "domain AUC", "the estimate is", "estimated AUC", "AUC"],
    )


def _empty(notes: Notes) -> str:
    """Say why cells of the costs are empty."""
    left = [f"{name} is not asked about {LARGE:,} rows: {why}." for name, why in TOO_MUCH.items()]
    before = [
        f"{name} at {LARGE:,} rows is of another run, beside other programs: {took}; ours, stored "
        f"reference, took {OURS_THEN} there."
        for name, took in BEFORE.items()
        if not notes.has("cost", name, LARGE)
    ]
    return " ".join([*left, *before])


def _section(title: str, rows: Iterator[Sequence[str]], head: Sequence[str]) -> Iterator[str]:
    """Yield a table, unless nothing of it was measured."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if lines:
        yield from ["", f"**{title}**", "", f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
        yield from lines


def _bars(notes: Notes) -> Iterator[Sequence[str]]:
    million, most = (notes.cell("cost", STORED, rows) for rows in (10**6, LARGE))
    if million and most:
        yield _bar("CPU seconds, 10^7 rows, stored reference", 5, most["cpu"], "{:.1f}")
        yield _bar("memory of it, MB", 800, most["peak"], "{:.0f}")
        yield _bar("memory of 10^7 rows / of 10^6", 1.1, most["peak"] / million["peak"], "{:.2f}")
    cells = [notes.cell("false", OURS, column) for column in _false_columns()]
    if all(cells):
        shares = [100 * cell["called"] / cell["windows"] for cell in cells]
        yield _bar("windows falsely called, %, the worst of eight cells", 7, max(shares), "{:.1f}")
    cells = [notes.cell("power", OURS, (rows, name)) for rows in POWER_ROWS for name in MATTERS]
    if all(cells):
        hits = min(cell["hits"] / cell["windows"] for cell in cells)
        others = max(cell["others"] / cell["windows"] for cell in cells)
        yield "power, the worst of twelve cells", "0.95", f"{hits:.2f}", _met(hits >= 0.95)
        yield _bar("other columns called beside it, the worst cell", 0.1, others, "{:.2f}")


def _bar(name: str, limit: float, found: float, form: str) -> Sequence[str]:
    return name, f"at most {limit:g}", form.format(found), _met(found <= limit)


def _met(met: bool) -> str:
    return "met" if met else "**missed**"


def _costs(notes: Notes, sizes: Sequence[int]) -> Iterator[Sequence[str]]:
    for name in ORDER:
        yield name, *(_cost(notes.cell("cost", name, rows)) for rows in sizes)


def _cost(cell: Cell) -> str:
    if not cell:
        return ""
    return str(cell.get("failed") or f"{cell['cpu']:.1f} / {cell['peak']:,.0f}")


def _false_columns() -> list[tuple[int, float]]:
    return [(rows, wobble) for wobble in (0.0, WOBBLE) for rows in FALSE_ROWS]


def _false(notes: Notes) -> Iterator[Sequence[str]]:
    for name in NAMES:
        cells = [notes.cell("false", name, column) for column in _false_columns()]
        yield name, *(_share(cell, "called") for cell in cells)
    cells = [notes.cell("false", OURS, column) for column in _false_columns()]
    yield (
        f"{OURS}, a column in 2 of 3 windows",
        *(_share(cell, "events", quality.WINDOWS) for cell in cells),
    )


def _share(cell: Cell, key: str, of: int = 1) -> str:
    """Return a share in per cent with its 95 % interval (Wilson)."""
    if not cell:
        return ""
    total = cell["windows"] // of
    interval: Any = binomtest(cell[key], total).proportion_ci(method="wilson")
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * cell[key] / total:.1f} ({low:.1f} to {high:.1f})"


def _power(notes: Notes, rows: int) -> Iterator[Sequence[str]]:
    for name in NAMES:
        cells = [notes.cell("power", name, (rows, drift)) for drift in DRIFTS]
        yield name, *(_hits(cell) for cell in cells)


def _hits(cell: Cell) -> str:
    if not cell:
        return ""
    return f"{cell['hits'] / cell['windows']:.2f} / {cell['others'] / cell['windows']:.2f}"


def _packages(notes: Notes) -> Iterator[Sequence[str]]:
    for name in (OURS, *packages.JUDGES):
        none, wobble, drift = (notes.cell("packages", name, kind) for kind in packages.KINDS)
        if "windows" in drift:
            false = [f"{each['called']} of {each['windows']}" for each in (none, wobble)]
            of = drift["windows"]
            hits = [f"{drift[what] / of:.2f}" for what in TOGETHER]
            yield name, *false, *hits, f"{drift['others'] / of:.2f}"


def _agreement(notes: Notes) -> str:
    same = notes.cell("packages", "agreement", "")
    if not same:
        return ""
    return (
        f"Counts and rows agree: of {same['profiles']} windows drawn as counts and written as "
        f"rows, {same['equal']} have exactly the drawn profile when the rows are counted, and "
        f"{same['verdicts']} the same verdict."
    )


def _validated() -> Sequence[int]:
    return [84_740 * copies for copies in validation.COPIES]


def _validation(notes: Notes) -> Iterator[Sequence[str]]:
    names = (validation.FILES, validation.FRAME)
    cells = [[notes.cell("validation", name, rows) for rows in _validated()] for name in names]
    for name, found in zip(names, cells, strict=True):
        yield name, *map(_cost, found)
    same = [_same(*pair) for pair in zip(*cells, strict=True)]
    yield "lines with the same verdict and the same count of rows that broke it", *same


def _same(ours: Cell, theirs: Cell) -> str:
    if "answer" not in ours or "answer" not in theirs:
        return ""
    pairs = [(ours["answer"][line], theirs["answer"][line]) for line in ours["answer"]]
    return f"{sum(one == other for one, other in pairs)} of {len(pairs)}"


def _flights(notes: Notes) -> Iterator[Sequence[str]]:
    for name in flights.MONTHS:
        cell = notes.cell("flights", name, "")
        if cell:
            figures = [f"{cell[key]:.3f}" for key in ("apart", "estimated", "measured")]
            yield name, str(cell["called"]), figures[0], cell["trust"], *figures[1:]
