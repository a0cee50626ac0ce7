"""What the evaluation found, for the flow and for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from blocks.contracts import Frozen
from tasks.data import ProblemType
from tasks.evaluation.calibration import Calibration
from tasks.evaluation.gates import Answer, Gate
from tasks.evaluation.latency import Latency
from tasks.evaluation.metrics import Metric


class Limit(Frozen):
    """One absolute limit, and whether it was kept."""

    name: str
    kept: bool
    found: str
    limit: str


class EvaluationReport(Frozen):
    """What the evaluation found: comparisons with the champion, and absolute limits."""

    champion: str  # its version; empty: there is none, only the limits count
    problem_type: ProblemType = ProblemType.BINARY
    metric: Metric  # by what the two are compared
    rows: int
    auc: float | None = None  # of two classes
    figures: Mapping[str, float] = {}  # of a quantity or several classes
    recalls: Mapping[str, float] = {}  # share of each class that is found, of several
    limits: tuple[Limit, ...]
    overall: tuple[Gate, ...] = ()  # held-out rows, and recent rows where there are some
    slices: tuple[Gate, ...] = ()
    classes: tuple[Gate, ...] = ()  # each against the rest, of several
    class_metric: Metric | None = None  # by what these are compared
    calibration: Calibration | None = None  # None = the answers are no chances
    latency: Latency
    cost_per_thousand: Decimal | None = None  # None = no price is known
    currency: str = ""
    block_inconclusive: bool = False
    plots: Mapping[str, str] = {}  # name -> URI

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the challenger may not serve; empty if it may.

        Overall it must be shown not to be worse. A slice, or a class, blocks if it is shown to be
        worse.
        """
        found = [
            f"{each.name} is {each.found}, the limit is {each.limit}"
            for each in self.limits
            if not each.kept
        ]
        found += [_reason(each) for each in self.overall if each.answer is not Answer.PASS]
        blocking = {Answer.FAIL, *([Answer.INCONCLUSIVE] if self.block_inconclusive else [])}
        found += [_reason(each) for each in self.slices if each.answer in blocking]
        found += [f"class {_reason(each)}" for each in self.classes if each.answer in blocking]
        return tuple(found)

    @property
    def passed(self) -> bool:
        """Whether the challenger may serve."""
        return not self.reasons

    def markdown(self) -> str:
        """Return the report as one page."""
        verdict = "may serve" if self.passed else "may **not** serve: " + "; ".join(self.reasons)
        against = f"against version {self.champion}" if self.champion else "no champion yet"
        latency = self.latency
        cost = (
            f"{self.cost_per_thousand:.6f} {self.currency}"
            if self.cost_per_thousand is not None
            else "unknown (no price)"
        )
        parts = [
            f"# The challenger {verdict}",
            f"{self.rows:,} held-out rows, {against}. {self._shown()}",
            _recalls(self.recalls),
            _limits(self.limits),
            _gates(f"Overall, by {self.metric.words}{self._unit()}", self.overall),
            _gates(f"Slices, by {self.metric.words}{self._unit()}", self.slices),
            self._classes(),
            f"Latency of the model alone, requests of {latency.rows}, {latency.concurrency} at a "
            f"time: p50 {latency.p50:.2f} ms, p95 {latency.p95:.2f} ms, p99 {latency.p99:.2f} "
            f"ms over {latency.requests} requests.",
            f"1,000 predictions cost {cost}."
            + (f" Calibration error {self.calibration.error:.4f}." if self.calibration else ""),
            *(f"![{name}]({uri})" for name, uri in self.plots.items()),
        ]
        return "\n\n".join(part for part in parts if part)

    def metrics(self) -> dict[str, float]:
        """Return what is kept with the model version."""
        found = {f"holdout_{name}": value for name, value in self.figures.items()}
        if self.auc is not None:
            found["holdout_auc"] = self.auc
        if self.calibration is not None:
            found["holdout_calibration_error"] = self.calibration.error
        return found

    def _shown(self) -> str:
        if self.auc is not None:
            return f"Area under the ROC curve {self.auc:.4f}."
        found = (f"{name.replace('_', ' ')} {value:.4g}" for name, value in self.figures.items())
        return f"It shows {', '.join(found)}."

    def _classes(self) -> str:
        by = self.class_metric.words if self.class_metric else ""
        return _gates(f"Classes, each against the rest, by {by}", self.classes)

    def _unit(self) -> str:
        return "; gains are shares of the champion's" if self.metric.relative else ""


class ChallengerRejected(Exception):
    """The new model did not pass its gates; nothing was registered or rolled out."""

    def __init__(self, report: EvaluationReport) -> None:
        self.report = report
        super().__init__("; ".join(report.reasons))


def require(report: EvaluationReport) -> None:
    """Raise ChallengerRejected unless the challenger may serve."""
    if not report.passed:
        raise ChallengerRejected(report)


def _reason(gate: Gate) -> str:
    open_ = gate.answer is Answer.INCONCLUSIVE and gate.rows_needed
    needed = f"; about {gate.rows_needed:,} rows are needed" if open_ else ""
    change = f"{gate.gain:+.4f}" if gate.gain is not None else "no comparison"
    return f"{gate.name} {gate.answer} ({gate.why}: {change} on {gate.rows:,} rows{needed})"


def _limits(limits: Sequence[Limit]) -> str:
    rows = "\n".join(
        f"| {each.name} | {each.found} | {each.limit} | {'kept' if each.kept else '**broken**'} |"
        for each in limits
    )
    return (
        f"## Limits\n\n| what | found | limit | outcome |\n|---|---|---|---|\n{rows}"
        if rows
        else ""
    )


def _recalls(recalls: Mapping[str, float]) -> str:
    if not recalls:
        return ""
    rows = "\n".join(f"| {name.replace('|', '/')} | {recalls[name]:.4f} |" for name in recalls)
    title = "## Classes, by what is found of them"
    return f"{title}\n\n| class | share found (recall) |\n|---|---|\n{rows}"


def _gates(title: str, gates: Sequence[Gate]) -> str:
    rows = "\n".join(
        f"| {each.name} | {each.answer} | {each.rows:,} | {_number(each.champion)} | "
        f"{_number(each.challenger)} | {_interval(each)} | {each.margin:g} | "
        f"{each.power:.0%} | {f'{each.rows_needed:,}' if each.rows_needed else ''} |"
        for each in gates
    )
    head = (
        "| what | answer | rows | champion | challenger | gain | margin | power | rows needed |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )
    return f"## {title}\n\n{head}\n{rows}" if rows else ""


def _interval(gate: Gate) -> str:
    if gate.gain is None:
        return ""
    return f"{gate.gain:+.4f} ({gate.low:+.4f} to {gate.high:+.4f})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
