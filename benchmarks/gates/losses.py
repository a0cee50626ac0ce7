"""The same gates on losses with heavy tails: ``python -m benchmarks.gates.losses``.

Champion and challenger err alike by construction (errors that are exchangeable), or the challenger
loses exactly the margin (its errors are those of an equal model, grown by that share), so that it
is known which answer is wrong. Or one of them errs much on few rows, and the other everywhere by so
much more that their losses stand to each other as before.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import click
import numpy as np
from scipy.stats import binomtest

from tasks.evaluation.gates import Answer, Rule, Sample, compare
from tasks.evaluation.metrics import Floats, Metric

FOLDER = Path(__file__).parent
SLICES, MARGIN, OWN, CLASSES = 20, 0.05, 0.5, 5
SIZES, REPETITIONS = (200, 2000), (400, 100)  # small slices are hard, and quickly drawn
Random = np.random.Generator

TAILS: dict[str, Callable[[Random, int], Floats]] = {
    "normal": lambda random, rows: random.standard_normal(rows),
    "t, 3 degrees": lambda random, rows: random.standard_t(3, rows),
    "log-normal, sigma 1.2": lambda random, rows: random.lognormal(0, 1.2, rows) - np.exp(0.72),
}
"""What a truth may be away from what can be known."""

DEVIATIONS = {"normal": 1.0, "t, 3 degrees": 3**0.5}
DEVIATIONS["log-normal, sigma 1.2"] = float(np.exp(0.72) * (np.exp(1.44) - 1) ** 0.5)

ALIKE, SHARE, FAR = "alike", 0.02, 2.5
FEW = ("the challenger's are few and large", "the champion's are few and large")
"""Whose own errors come on a share of the rows alone, in deviations of the truth."""

INTRODUCTION = f"""# Gates on losses without a largest value

`python -m benchmarks.gates.losses --write` draws {SLICES} slices at a time. **Blocked**: any of
them fails, though the two models err alike (accepted: 5 %). **Passed**: a slice passes, though the
challenger loses exactly the margin of {MARGIN:.0%} of the champion's error (of log loss {MARGIN:g};
accepted: 5 %). **Right**: a slice passes where both err alike.

Where one errs alone on {SHARE:.0%} of the rows, {FAR:g} deviations of the truth far, 200 rows hold
four of them, or none: what no row shows no test can know.
"""

FEWER = "What is surely over 5 % is where 200 rows hold few of the far errors, or none.\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What was seen, as counts of how many."""

    blocked: tuple[int, int]
    passed: tuple[int, int]
    right: tuple[int, int]


def slices_of(
    metric: Metric, tail: str, rows: int, loss: float, random: Random, *, errors: str = ALIKE
) -> Iterator[Sample]:
    """Yield slices on which the challenger truly loses ``loss``."""
    for number in range(SLICES):
        if errors != ALIKE:
            yield _few(f"slice {number}", tail, rows, loss, random, of_champion=errors == FEW[1])
            continue
        if metric is Metric.LOG_LOSS:
            yield _classes(f"slice {number}", rows, loss, random)
            continue
        away = TAILS[tail](random, rows)
        own = OWN * random.standard_normal((2, rows))
        grown = 1 + loss if metric is Metric.ABSOLUTE_ERROR else (1 + loss) ** 0.5
        zero = np.zeros(rows)  # the truth; predictions are then the errors
        champion, challenger = own[0] - away, (own[1] - away) * grown
        yield Sample(name=f"slice {number}", truth=zero, champion=champion, challenger=challenger)


def _few(
    name: str, tail: str, rows: int, loss: float, random: Random, *, of_champion: bool
) -> Sample:
    """Return squared errors of which one model has few and large ones, the other as much in all."""
    deviation = DEVIATIONS[tail]
    far = OWN * random.standard_normal(rows)
    far += FAR * random.standard_normal(rows) * (random.random(rows) < SHARE)
    total = 1 + OWN**2 + SHARE * FAR**2
    own = total * (1 + loss if of_champion else 1 / (1 + loss)) - 1
    even = own**0.5 * random.standard_normal(rows)
    one, other = (far, even) if of_champion else (even, far)
    away, zero = TAILS[tail](random, rows), np.zeros(rows)
    return Sample(
        name=name,
        truth=zero,
        champion=deviation * one - away,
        challenger=deviation * other - away,
    )


def _classes(name: str, rows: int, loss: float, random: Random) -> Sample:
    """Return classes whose chances two models guess with errors of their own."""
    sure = 2 * random.standard_normal((rows, CLASSES))
    chances = np.exp(sure) / np.exp(sure).sum(axis=1, keepdims=True)
    truth = (chances.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1).clip(max=CLASSES - 1)
    guessed = np.exp(sure + OWN * random.standard_normal((2, rows, CLASSES)))
    guessed /= guessed.sum(axis=2, keepdims=True)
    worse = np.exp(-2 * loss * (random.random(rows) < 0.5))
    return Sample(
        name=name, truth=truth, champion=guessed[0], challenger=guessed[1] * worse[:, np.newaxis]
    )


def rates(metric: Metric, tail: str, rows: int, repetitions: int, errors: str = ALIKE) -> Rates:
    """Judge as often, and count."""
    random, rule = np.random.default_rng(rows), Rule(margin=MARGIN, metric=metric)
    blocked = passed = right = 0
    for _ in range(repetitions):
        equal = compare(list(slices_of(metric, tail, rows, 0.0, random, errors=errors)), rule)
        edge = compare(list(slices_of(metric, tail, rows, MARGIN, random, errors=errors)), rule)
        blocked += any(gate.answer is Answer.FAIL for gate in equal)
        right += sum(gate.answer is Answer.PASS for gate in equal)
        passed += sum(gate.answer is Answer.PASS for gate in edge)
    slices = repetitions * SLICES
    return Rates(blocked=(blocked, repetitions), passed=(passed, slices), right=(right, slices))


@click.command()
@click.option("--rows", default=SIZES, multiple=True, show_default=True, help="Of a slice.")
@click.option(
    "--repetitions",
    default=REPETITIONS,
    multiple=True,
    show_default=True,
    help="Of each number of rows, in the same order.",
)
@click.option("--write", is_flag=True, help="Write LOSSES.md beside this file.")
def main(rows: tuple[int, ...], repetitions: tuple[int, ...], write: bool) -> None:
    """Print a table as markdown."""
    began = time.process_time()
    lines = [
        "| loss | tails | errors | rows | repetitions | blocked, % | passed, % | right, % |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for metric, tail, errors in _kinds():
        for size, often in zip(rows, repetitions, strict=True):
            found = rates(metric, tail, size, often, errors)
            cells = " | ".join(map(_cell, (found.blocked, found.passed, found.right)))
            row = f"| {metric.words} | {tail} | {errors} | {size:,} | {often} | {cells} |"
            lines.append(row)
            click.echo(lines[-1])
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy"))
    made = (
        f"{platform.machine()}, Python {platform.python_version()}, {versions} "
        f"({time.process_time() - began:.0f} CPU s). In brackets: 95 % intervals (Wilson)."
    )
    if write:
        table = "\n".join(lines)
        (FOLDER / "LOSSES.md").write_text(f"{INTRODUCTION}\n{made}\n\n{table}\n\n{FEWER}")


def _kinds() -> Iterator[tuple[Metric, str, str]]:
    """Yield what is squared first: it is what is hard."""
    for tail in TAILS:
        yield Metric.SQUARED_ERROR, tail, ALIKE
    for tail in TAILS:
        for errors in FEW:
            yield Metric.SQUARED_ERROR, tail, errors
    for tail in TAILS:
        yield Metric.ABSOLUTE_ERROR, tail, ALIKE
    yield Metric.LOG_LOSS, f"{CLASSES} classes", ALIKE


def _cell(counted: tuple[int, int]) -> str:
    low, high = binomtest(*counted).proportion_ci(method="wilson")
    return f"{100 * counted[0] / counted[1]:.1f} ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    main()
