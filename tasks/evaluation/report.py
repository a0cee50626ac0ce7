"""What the evaluation found, for the flow and for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from blocks.contracts import Frozen
from tasks.evaluation.calibration import Calibration
from tasks.evaluation.gates import Answer, Gate
from tasks.evaluation.latency import Latency


class Limit(Frozen):
    """One absolute limit, and whether it was kept."""

    name: str
    kept: bool
    found: str
    limit: str


class EvaluationReport(Frozen):
    """What the evaluation found: comparisons with the champion, and absolute limits."""

    challenger: str
    champion: str  # empty: there is none, only the limits count
    rows: int
    auc: float
    limits: tuple[Limit, ...]
    overall: tuple[Gate, ...] = ()  # held-out rows, and recent rows where there are some
    slices: tuple[Gate, ...] = ()
    calibration: Calibration
    latency: Latency
    cost_per_thousand: Decimal | None = None  # None = no price is known
    currency: str = ""
    block_inconclusive: bool = False
    plots: Mapping[str, str] = {}  # name -> URI

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the challenger may not serve; empty if it may.

        Overall it must be shown not to be worse. A slice blocks if it is shown to be worse.
        """
        found = [
            f"{each.name} is {each.found}, the limit is {each.limit}"
            for each in self.limits
            if not each.kept
        ]
        found += [_reason(each) for each in self.overall if each.answer is not Answer.PASS]
        blocking = {Answer.FAIL, *([Answer.INCONCLUSIVE] if self.block_inconclusive else [])}
        found += [_reason(each) for each in self.slices if each.answer in blocking]
        return tuple(found)

    @property
    def passed(self) -> bool:
        """Whether the challenger may serve."""
        return not self.reasons

    def markdown(self) -> str:
        """Return the report as one page."""
        verdict = "may serve" if self.passed else "may **not** serve: " + "; ".join(self.reasons)
        against = f"against {self.champion}" if self.champion else "no champion yet"
        latency = self.latency
        cost = (
            f"{self.cost_per_thousand:.6f} {self.currency}"
            if self.cost_per_thousand is not None
            else "unknown (no price)"
        )
        parts = [
            f"# {self.challenger} {verdict}",
            f"{self.rows:,} held-out rows, {against}. Area under the ROC curve {self.auc:.4f}.",
            _limits(self.limits),
            _gates("Overall", self.overall),
            _gates("Slices", self.slices),
            f"Latency of the model alone, {latency.rows} rows a request, {latency.concurrency} at "
            f"a time: p50 {latency.p50:.2f} ms, p95 {latency.p95:.2f} ms, p99 {latency.p99:.2f} "
            f"ms over {latency.requests} requests.",
            f"1,000 predictions cost {cost}. Calibration error {self.calibration.error:.4f}.",
            *(f"![{name}]({uri})" for name, uri in self.plots.items()),
        ]
        return "\n\n".join(part for part in parts if part)


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
    needed = f"; about {gate.rows_needed:,} rows are needed" if gate.rows_needed else ""
    change = f"{gate.difference:+.4f}" if gate.difference is not None else "no comparison"
    return f"{gate.name} {gate.answer} ({gate.why}: {change} on {gate.rows:,} rows{needed})"


def _limits(limits: Sequence[Limit]) -> str:
    rows = "\n".join(
        f"| {each.name} | {each.found} | {each.limit} | {'kept' if each.kept else '**broken**'} |"
        for each in limits
    )
    return f"## Limits\n\n| what | found | limit | |\n|---|---|---|---|\n{rows}" if rows else ""


def _gates(title: str, gates: Sequence[Gate]) -> str:
    rows = "\n".join(
        f"| {each.name} | {each.answer} | {each.rows:,} | {_number(each.champion)} | "
        f"{_number(each.challenger)} | {_number(each.low)} to {_number(each.high)} | "
        f"{each.margin:g} | {each.rows_needed or ''} |"
        for each in gates
    )
    head = (
        "| what | answer | rows | champion | challenger | difference | margin | rows needed |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    return f"## {title}\n\n{head}\n{rows}" if rows else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
