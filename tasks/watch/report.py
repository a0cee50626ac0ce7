"""What a look at an endpoint found, for the flow and for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from blocks.contracts import Cost, Frozen, MonitorLook, Window
from tasks.costs.money import shown
from tasks.data import ProblemType
from tasks.drift.alarm import Finding
from tasks.drift.betting import LossEvidence
from tasks.drift.performance import Estimate, Measured, Trust, trust
from tasks.drift.quality import MeasuredErrors, Quality
from tasks.drift.table import ColumnDrift
from tasks.watch.policy import Cause, RetrainRequest

TRUSTED = {
    Trust.USABLE: "usable: the rows are like those it was calibrated on",
    Trust.DOUBTFUL: "**doubtful**: the rows differ from those it was calibrated on",
    Trust.UNKNOWN: "**not to be believed**: the rows are outside of what the model was trained on; "
    "fetch labels",
}


class MeasuredWindow(Frozen):
    """Performance in a window whose labels are there."""

    window: Window
    captured: int  # rows that were looked at
    labelled: int
    complete: bool  # enough of them have a label to judge
    measured: Measured | MeasuredErrors | None = None
    evidence: LossEvidence | None = None


class WatchReport(Frozen):
    """One look at an endpoint."""

    endpoint: str
    model: str
    window: Window
    rows: int
    judged: bool  # there were enough rows
    columns: tuple[ColumnDrift, ...] = ()
    findings: tuple[Finding, ...] = ()
    estimate: Estimate | None = None
    expected_auc: float | None = None  # on held-out rows, when the model was trained
    expected: Quality | None = None  # the same of a quantity, or of several classes
    domain_auc: float | None = None  # how well rows are told from the training's, if no estimate
    early: MeasuredWindow | None = None  # the labels of this window that are there already
    late: tuple[MeasuredWindow, ...] = ()  # earlier windows whose missing labels have come
    matured: MeasuredWindow | None = None  # the newest window whose labels should all be there
    causes: tuple[Cause, ...] = ()
    request: RetrainRequest | None = None
    why_not: str = ""  # why no retrain was asked for
    monitor: tuple[MonitorLook, ...] = ()  # looks of the platform's own monitor in the window
    monitor_problem: str = ""  # what kept it from looking, or us from reading what it found
    plots: Mapping[str, str] = {}  # name -> URI
    cost: Cost | None = None  # of the job that counted near the traffic

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """The changes that are both sure and large enough to matter."""
        return tuple(each for each in self.findings if each.alarm)

    @property
    def with_labels(self) -> tuple[MeasuredWindow, ...]:
        """The windows whose labels were joined, oldest first."""
        return (*self.late, *((self.matured,) if self.matured else ()))

    @property
    def evidence(self) -> LossEvidence | None:
        """The evidence against the promised loss, after all labels so far; None = nothing new."""
        found = [each.evidence for each in self.with_labels if each.evidence is not None]
        return found[-1] if found else None

    def drift_rows(self) -> list[dict[str, str]]:
        """Return the drift table as text, columns with alarms first."""
        by_column: dict[str, list[Finding]] = {}
        for each in self.alarms:
            by_column.setdefault(each.column, []).append(each)
        told = {each.column: each for each in self.columns}
        names = [*by_column, *(name for name in told if name not in by_column)]
        return [_row(name, by_column.get(name, []), told.get(name)) for name in names]

    def markdown(self) -> str:
        """Return the report as one page."""
        span = f"{self.window.start:%Y-%m-%d %H:%M} to {self.window.end:%Y-%m-%d %H:%M}"
        parts = [f"# {self.endpoint}, {span}", f"{self.rows:,} rows answered by {self.model}."]
        if self.cost is not None:
            parts.append(f"Counting them near the traffic has cost {_cost(self.cost)}.")
        if not self.judged:
            parts.append("Too few rows to judge.")
        elif self.alarms:
            names = dict.fromkeys(each.column for each in self.alarms)
            parts.append(f"**{len(names)} columns changed**: {', '.join(names)}.")
        else:
            parts.append("No column changed more than batches of the training data do.")
        if self.request is not None:
            reasons = "\n".join(f"- {reason}" for reason in self.request.reasons)
            parts.append(f"**A retrain is asked for**, because of\n\n{reasons}")
        else:
            parts.append(f"No retrain is asked for: {self.why_not}.")
        parts += [_estimated(self.estimate, self.expected_auc)]
        parts += [_not_estimated(self.expected, self.domain_auc), _early(self.early)]
        parts += [_matured(each, self.expected) for each in self.with_labels]
        parts += [_table(self.drift_rows()), _looks(self.monitor, self.monitor_problem)]
        parts += [f"![{name}]({uri})" for name, uri in self.plots.items()]
        return "\n\n".join(part for part in parts if part)


def _cost(cost: Cost) -> str:
    return f"{shown(cost.amount)} {cost.currency}"


def _row(name: str, alarms: Sequence[Finding], told: ColumnDrift | None) -> dict[str, str]:
    what = ", ".join(f"{each.change} {each.effect:.3g}" for each in alarms)
    if told is None:
        return {"column": name, "alarm": what}
    return {
        "column": name,
        "alarm": what,
        "Jensen-Shannon": _number(told.jensen_shannon),
        "PSI": _number(told.psi),
        "KS": _number(told.ks),
        "Wasserstein": _number(told.wasserstein),
        "missing": f"{_share(told.missing_before)} to {_share(told.missing)}",
        "median": f"{_number(told.median_before)} to {_number(told.median)}"
        if told.median is not None
        else "",
        "range": _range(told),
        "unseen": ", ".join(told.unseen),
    }


def _range(told: ColumnDrift) -> str:
    if told.outside is None:
        return ""
    before = f"{_number(told.lowest_before)} to {_number(told.highest_before)}"
    now = f"{_number(told.lowest)} to {_number(told.highest)}"
    return f"{now} (before: {before}; {_share(told.outside)} outside)"


def _table(rows: Sequence[Mapping[str, str]]) -> str:
    if not rows:
        return ""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(row.get(name, "") for name in names) + " |" for row in rows]
    return "## Columns\n\n" + "\n".join(lines)


def _looks(looks: Sequence[MonitorLook], problem: str) -> str:
    if problem:
        return f"## The platform's own monitor\n\nIt could not be asked: {problem}"
    if not looks:
        return ""
    lines = ["## The platform's own monitor", "", "| due | column | found |", "|---|---|---|"]
    for look in looks:
        at = f"{look.at:%Y-%m-%d %H:%M}"
        if look.failure is not None:
            lines.append(f"| {at} | | failed: {look.failure.code}, {look.failure.message} |")
        elif not look.findings:
            lines.append(f"| {at} | | nothing |")
        lines += [
            f"| {at} | {each.column} | {each.check}: {each.metric}"
            f"{'' if each.value is None else f' {each.value:.3g}'} {each.message} |"
            for each in look.findings
        ]
    return "\n".join(lines)


def _estimated(estimate: Estimate | None, expected: float | None) -> str:
    if estimate is None:
        return ""
    before = f" (held out: {expected:.3f})" if expected is not None else ""
    return (
        f"Estimated area under the curve, without labels: {_number(estimate.auc)}{before}. It is "
        f"{TRUSTED[estimate.trust]} (domain AUC {estimate.domain_auc:.3f})."
    )


def _not_estimated(expected: Quality | None, apart: float | None) -> str:
    """Say that nothing is known without labels, and whether the rows are at least as they were."""
    if expected is None or apart is None:
        return ""
    what = "of a quantity" if expected.problem_type is ProblemType.REGRESSION else "of a class"
    like = {
        Trust.USABLE: "are like those it was trained on",
        Trust.DOUBTFUL: "differ from those it was trained on",
        Trust.UNKNOWN: "are **outside of what the model was trained on**; fetch labels",
    }[trust(apart)]
    return (
        f"The {expected.words} is not estimated without labels: an answer {what} says nothing of "
        f"how far it is from the truth. The rows {like} (domain AUC {apart:.3f})."
    )


def _early(early: MeasuredWindow | None) -> str:
    if early is None or early.measured is None:
        return ""
    seen = early.measured
    if isinstance(seen, Measured):
        found = f"{seen.base_rate:.3f} of them came true (promised: {seen.expected_rate:.3f})"
    else:
        found = f"their mean error is {_figure(seen.error)}"
    return (
        f"{early.labelled:,} of the {early.captured:,} newest rows have a label already: {found}. "
        "Labels that come early need not be typical; nothing is judged by them."
    )


def _matured(matured: MeasuredWindow, expected: Quality | None) -> str:
    span = f"{matured.window.start:%Y-%m-%d %H:%M} to {matured.window.end:%Y-%m-%d %H:%M}"
    if matured.measured is None:
        return (
            f"Of {matured.captured:,} rows of {span}, {matured.labelled:,} have a label: too few; "
            "they are looked for again."
        )
    found, evidence = matured.measured, matured.evidence
    text = f"Measured on {found.rows:,} labelled rows of {span}: {_performance(found, expected)}"
    if evidence is None:
        return text + "."
    cut = ""
    if expected is not None and expected.problem_type is ProblemType.REGRESSION:
        cut = f", as a share of {_figure(expected.bound)}, which larger errors count as"
    return (
        f"{text}, mean loss {found.loss:.4f}{cut} (accepted: {evidence.promised:.4f}; evidence "
        f"against it {evidence.value:.3g}, 20 is enough)."
    )


def _performance(found: Measured | MeasuredErrors, expected: Quality | None) -> str:
    if isinstance(found, Measured):
        return (
            f"area under the curve {_number(found.auc)}, share that came true "
            f"{found.base_rate:.3f} (promised: {found.expected_rate:.3f})"
        )
    before = f"; held out: {_figure(expected.error)}" if expected is not None else ""
    words = expected.words if expected is not None else "mean error"
    bias = f", bias {_figure(found.bias)}" if found.bias is not None else ""
    ends = f"{_figure(found.low)} to {_figure(found.high)}"
    return f"{words} {_figure(found.error)} ({ends}{before}){bias}"


def _figure(value: float) -> str:
    return f"{value:.4g}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.1f} %"
