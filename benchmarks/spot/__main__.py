"""What jobs on spot cost, by policy: ``python -m benchmarks.spot --traces FOLDER [--write]``."""

from __future__ import annotations

import os
import platform
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from statistics import fmean

import click
import psutil

from benchmarks.spot import peers
from benchmarks.spot.drawn import WORLDS, drawn
from benchmarks.spot.kept import OPTIMUM, Found, Kept
from benchmarks.spot.optimum import optimum
from benchmarks.spot.picture import draw
from benchmarks.spot.scenario import Scenario, scenarios, windows
from benchmarks.spot.simulator import Policy, Run, simulate
from tasks.spot.policy import SpotPolicy
from tasks.spot.situation import Offer, Terms

FOLDER = Path(__file__).parent
HISTORY = 120.0  # hours of the trace before a job that ours may learn from
OURS = "bluewater"
SETS = {
    "single": "one zone",
    "multi": "several zones",
    "setA": "ADRS set A, $",
    "setB": "ADRS set B, $",
}
IN_DOLLARS = ("setA", "setB")
BARS = {"single": 1.065, "multi": 1.12, "setA": 87.6, "setB": 94.9}
Told = tuple[float, Mapping[str, Run]]  # optimum, run by policy


def ours(scenario: Scenario) -> Policy:
    """Our policy, having watched the market before the job."""
    policy = SpotPolicy(terms(scenario))
    past = [zone.before[-int(HISTORY / scenario.gap) :].tolist() for zone in scenario.zones]
    for ups in zip(*past, strict=True):
        offers = [
            Offer(zone=zone.name, up=up, spot=float(zone.spot[0]), on_demand=zone.on_demand)
            for zone, up in zip(scenario.zones, ups, strict=True)
        ]
        policy.watch(offers, scenario.gap)
    return policy


def terms(scenario: Scenario) -> Terms:
    """A tick's state holds through the tick, as in the published simulators."""
    return Terms(
        overhead=scenario.overhead,
        step=scenario.gap,
        certain=scenario.gap,
        egress=scenario.egress,
    )


POLICIES: Mapping[str, Callable[[Scenario], Policy]] = {
    "on-demand": lambda scenario: peers.OnDemand(terms(scenario)),
    "Greedy": lambda scenario: peers.Greedy(terms(scenario)),
    "Time Sliced (4)": lambda scenario: peers.TimeSliced(terms(scenario)),
    "Uniform Progress": lambda scenario: peers.UniformProgress(terms(scenario)),
    OURS: ours,
}


def done(scenario: Scenario, names: Sequence[str]) -> Found:
    """Return how these policies did on one job, and its optimum if asked."""
    return {
        name: optimum(scenario) if name == OPTIMUM else simulate(scenario, POLICIES[name](scenario))
        for name in names
    }


@click.command()
@click.option(
    "--traces",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    envvar="SPOT_TRACES",
    required=True,
    help="Folder with the recorded markets and scenarios.",
)
@click.option("--every", default=1, show_default=True, help="Of one zone, each n-th job only.")
@click.option(
    "--kept",
    type=click.Path(dir_okay=False, path_type=Path),
    default=os.devnull,
    help="File that keeps each job's result: a run that was stopped goes on from there.",
)
@click.option(
    "--again",
    multiple=True,
    type=click.Choice([*POLICIES, OPTIMUM]),
    help="Who is asked anew, though it is kept what the others did.",
)
@click.option("--write", is_flag=True, help="Write README.md and the picture beside this file.")
def main(traces: Path, every: int, kept: Path, again: tuple[str, ...], write: bool) -> None:
    """Print a table as markdown; fail if our policy ends one job late."""
    jobs, notes = _jobs(traces, every), Kept(kept, again)
    _run(jobs, notes)
    found: dict[str, list[Told]] = defaultdict(list)
    for number, job in jobs.items():
        found[job.kind].append(notes.told(number))
    text = "\n".join(_lines(found))
    click.echo(text)
    if write:
        _write(found, text)
    sys.exit(_late(found, OURS) > 0)


def _run(jobs: Mapping[int, Scenario], kept: Kept) -> None:
    """Run what is not kept yet."""
    names = {number: kept.missing(number, (*POLICIES, OPTIMUM)) for number in jobs}
    left = [number for number in jobs if names[number]]
    asked = [jobs[number] for number in left], [names[number] for number in left]
    with ProcessPoolExecutor() as pool:
        for number, found in zip(left, pool.map(done, *asked, chunksize=4), strict=True):
            kept.add(number, found)


def _write(found: Mapping[str, Sequence[Told]], text: str) -> None:
    (FOLDER / "README.md").write_text(f"{INTRODUCTION}\n{text}\n\n{CAUTION}")
    costs = {
        name: [_mean(found[kind], name, ratio=True) for kind in SETS]
        for name in POLICIES
        if name != "on-demand"
    }
    draw(costs, list(SETS.values()), FOLDER / "cost.svg")


def _jobs(traces: Path, every: int) -> Mapping[int, Scenario]:
    """Return all jobs, of one zone each n-th, by their number among all."""
    told = list(scenarios(traces))
    sets = chain.from_iterable(windows(traces, name) for name in IN_DOLLARS)
    several = [job for job in told if len(job.zones) > 1]
    one = [job for job in told if len(job.zones) == 1]
    drawings = chain.from_iterable(map(drawn, WORLDS))
    numbered = enumerate([*several, *one, *sets, *drawings])
    return {n: job for n, job in numbered if n < len(several) or (n - len(several)) % every == 0}


def _lines(found: Mapping[str, Sequence[Told]]) -> Iterator[str]:
    recorded = {kind: found[kind] for kind in SETS}
    counts = ", ".join(f"{len(found[kind]):,} of {what}" for kind, what in SETS.items())
    yield f"{_machine()}; jobs: {counts}.\n"
    yield f"| mean cost | {' | '.join(_heads())} | late runs |"
    yield "|---" * (2 + 2 * len(SETS)) + "|"
    for name in POLICIES:
        cells = [cell for kind in SETS for cell in _cells(found[kind], kind, name)]
        yield f"| {name} | {' | '.join(cells)} | {_late(recorded, name)} |"
    best = [_best(found[kind]) if kind in IN_DOLLARS else ("1.000", "") for kind in SETS]
    yield f"| omniscient optimum | {' | '.join(chain.from_iterable(best))} | 0 |"
    bars = [(f"{BARS[kind]:g}", "") for kind in SETS]
    yield f"| bar | {' | '.join(chain.from_iterable(bars))} | 0 |"
    several = [runs[OURS] for _, runs in found["multi"]]
    one = [runs[OURS] for kind in SETS if kind != "multi" for _, runs in found[kind]]
    yield f"\nCPU of a decision of ours: with one zone {_cpu(one)}; with several {_cpu(several)}.\n"
    yield from _drawn_lines({kind: found[kind] for kind in WORLDS if found[kind]})


def _drawn_lines(found: Mapping[str, Sequence[Told]]) -> Iterator[str]:
    names = [name for name in POLICIES if name != "on-demand"]
    yield f"| drawn markets, mean cost / optimum | jobs | {' | '.join(names)} | late runs of ours |"
    yield "|---" * (3 + len(names)) + "|"
    for kind, jobs in found.items():
        means = (f"{_mean(jobs, name, ratio=True):.3f}" for name in names)
        late = sum(runs[OURS].late for _, runs in jobs)
        yield f"| {kind} | {len(jobs)} | {' | '.join(means)} | {late} |"


def _cpu(runs: Sequence[Run]) -> str:
    decisions = sum(run.decisions for run in runs)
    if not decisions:
        return "not measured"
    slow = sorted(1000 * run.slowest for run in runs)
    return (
        f"{1000 * sum(run.seconds for run in runs) / decisions:.2f} ms on average over "
        f"{decisions:,}, the slowest of a job (an outlook is made then) {slow[len(slow) // 2]:.0f} "
        f"ms in the median, {slow[-1]:.0f} ms at most"
    )


def _heads() -> Iterator[str]:
    for what in SETS.values():
        yield what if what.endswith("$") else f"{what}, / optimum"
        yield "/ on-demand"


def _cells(jobs: Sequence[Told], kind: str, name: str) -> tuple[str, str]:
    if not jobs:
        return "", ""
    ratio = kind not in IN_DOLLARS
    share = fmean(runs[name].cost / runs["on-demand"].cost for _, runs in jobs)
    mean = _mean(jobs, name, ratio=ratio)
    return (f"{mean:.3f}" if ratio else f"{mean:.2f}"), f"{share:.3f}"


def _best(jobs: Sequence[Told]) -> tuple[str, str]:
    return (f"{fmean(best for best, _ in jobs):.2f}", "") if jobs else ("", "")


def _mean(jobs: Sequence[Told], name: str, *, ratio: bool) -> float:
    return fmean(runs[name].cost / (best if ratio else 1) for best, runs in jobs)


def _late(found: Mapping[str, Sequence[Told]], name: str) -> int:
    return sum(runs[name].late for jobs in found.values() for _, runs in jobs)


def _machine() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy"))
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.machine()}, Python "
        f"{sys.version.split()[0]}, {versions}"
    )


CAUTION = """\
Read with care: the prior of lifetimes was fitted to the recorded traces of one zone. For several
zones an outlook is solved for 64 states of the market and 96 steps of time, as many as CPU allows;
a first version with 32 and 48 had 1.127, with 128 and 96 1.112. Zones are taken as independent of
each other, which neighbours are not. Uniform Progress with several zones is our reading of it; a
published run on the same jobs has 1.620. A decision with several zones takes longer, since an
outlook is made new when what was learnt of a zone has changed.

Hardest for a policy that learns rates by age are launches that take long beside lives that end at
any age. Where a market turns rough as the job begins, what was learnt before misleads: Greedy,
which learns nothing, costs less. CPU was measured with other programs on the machine.
"""
INTRODUCTION = """# Spot: what a job costs by its deadline, by policy

`python -m benchmarks.spot --traces FOLDER --write` lets each policy take the same jobs through
recorded spot markets (AWS 2022 and 2023, GCP 2025, gangs of 4 and 16, synthetic ones), tick by
tick: a policy sees the state of a tick when it begins, and none later. A launch takes its overhead
without progress and is paid; a move pays the egress of the checkpoint. The optimum knows the whole
trace (dynamic programming). Ours has watched the zones for up to 120 hours before the job, except
in the ADRS sets, which have no history and bill whole ticks. Greedy, Time Sliced and Uniform
Progress are the rules of Wu et al., "Can't Be Late", NSDI 2024; with several zones they take the
cheapest that is up. A job that ends after its deadline counts as late. Drawn markets
(`benchmarks/spot/drawn.py`) are of kinds that the recorded ones have little of; the first two are
why the policy takes several views of what age does, the others were drawn when it was done.

![Mean cost over the optimum](cost.svg)
"""


if __name__ == "__main__":
    main()
