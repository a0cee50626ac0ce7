"""One look at an endpoint: drift, data quality, performance, and the causes that follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from blocks.contracts import ObjectStore, Window
from tasks.drift.alarm import Alarms, Finding
from tasks.drift.performance import Measured, Trust, domain_auc, estimate
from tasks.drift.quality import MeasuredErrors
from tasks.drift.table import drift_table
from tasks.watch.labels import Labels
from tasks.watch.policy import Cause, Kind
from tasks.watch.reference import BATCH, PREDICTION, WatchReference
from tasks.watch.report import WatchReport
from tasks.watch.spec import WatchSpec
from tasks.watch.traffic import Observe, Traffic, captured_as

EVIDENCE = 20.0  # capital that comes with a chance of at most 1 in 20 if the promise is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Where to look, and against what."""

    observe: Observe
    store: ObjectStore  # where the labels are
    spec: WatchSpec
    endpoint: str
    reference: WatchReference

    def report(self, window: Window, earlier: Sequence[WatchReport]) -> WatchReport:
        """Return what is found in the window; ``earlier`` looks come oldest first."""
        profile = self.reference.profile
        traffic = self.observe(window)
        judged = traffic.rows >= self.spec.least_rows
        calibrator = self.reference.calibrator
        report = WatchReport(
            endpoint=self.endpoint,
            model=profile.model,
            window=window,
            rows=traffic.rows,
            judged=judged,
            expected_auc=calibrator.auc if calibrator else None,
            expected=self.reference.quality,
        )
        found: dict[str, object] = {}
        if judged:
            floors, chance = self.spec.floors, self.spec.false_alarms
            alarms = Alarms(profile, false_alarms=chance, floors=floors)
            found["columns"] = drift_table(profile.whole, traffic.profile)
            found["findings"] = alarms.judge(traffic.profile)
            found |= self._without_labels(traffic)
        report = report.model_copy(update={**found, **self._labels(window, traffic, earlier)})
        return report.model_copy(update={"causes": tuple(causes(report, self.spec))})

    def _labels(
        self, window: Window, traffic: Traffic, earlier: Sequence[WatchReport]
    ) -> Mapping[str, object]:
        labels = Labels(
            observe=self.observe, store=self.store, spec=self.spec, reference=self.reference
        )
        return labels.join(window, traffic, earlier)

    def _without_labels(self, traffic: Traffic) -> Mapping[str, object]:
        """Return an estimate where there are chances to make it from; else how far it would go."""
        reference, sample = self.reference, traffic.sample.to_pandas()
        calibrator = reference.calibrator
        if PREDICTION not in sample or (calibrator is None and reference.quality is None):
            return {}
        kept = reference.sample.to_pandas()
        inputs = kept.drop(columns=BATCH)
        now = _inputs(sample.sort_values("at"), reference.inputs)
        apart = domain_auc(inputs, now, batches=kept[BATCH].astype(str))
        if calibrator is None:
            return {"domain_auc": apart}
        scores = sample[PREDICTION].to_numpy(dtype=np.float64)
        return {"estimate": estimate(calibrator, scores, apart)}


def _inputs(captured: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the inputs of captured rows by the names that the model has for them."""
    found = {captured_as(name): name for name in names}
    return captured[[each for each in found if each in captured]].rename(columns=found)


def causes(report: WatchReport, spec: WatchSpec) -> list[Cause]:
    """Return what speaks for a retrain, with its effect.

    An estimate that cannot be trusted is no cause: it says nothing, neither good nor bad.
    """
    found = [_of(finding) for finding in _largest(report.alarms)]
    before = report.expected_auc
    guess = report.estimate
    if before is not None and guess is not None and guess.trust is Trust.USABLE:
        found += _loss(Kind.ESTIMATE, before, guess.auc, guess.high, spec.least_loss)
    found += _measured(report, spec)
    return found


def window_before(now: datetime, spec: WatchSpec) -> Window:
    """Return the newest whole window, on a grid that begins at the epoch."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    end = epoch + (now - spec.settle - epoch) // spec.window * spec.window
    return Window(start=end - spec.window, end=end)


def _largest(alarms: Sequence[Finding]) -> list[Finding]:
    """Return one finding for each column: the one that passes its floor by most."""
    largest: dict[str, Finding] = {}
    for each in alarms:
        known = largest.get(each.column)
        if known is None or each.effect / max(each.floor, 1e-9) > known.effect / max(
            known.floor, 1e-9
        ):
            largest[each.column] = each
    return list(largest.values())


def _of(finding: Finding) -> Cause:
    kind = Kind.PREDICTION if finding.column == PREDICTION else Kind.INPUT
    return Cause(kind=kind, subject=finding.column, effect=finding.effect, floor=finding.floor)


def _measured(report: WatchReport, spec: WatchSpec) -> list[Cause]:
    """Return what labels say: of several windows that matured at once, the worst counts."""
    seen = [each.measured for each in report.with_labels if each.measured is not None]
    losses = [cause for each in seen for cause in _worse(each, report, spec)]
    found = sorted(losses, key=lambda cause: -cause.effect)[:1]
    evidence = report.evidence
    if seen and evidence is not None and evidence.value >= EVIDENCE:
        rise = seen[-1].loss / evidence.promised * (1 + spec.loss_margin) - 1
        found.append(
            Cause(kind=Kind.PERFORMANCE, subject="mean loss", effect=rise, floor=spec.loss_margin)
        )
    return found


def _worse(
    seen: Measured | MeasuredErrors, report: WatchReport, spec: WatchSpec
) -> Sequence[Cause]:
    """Return what one window says against the performance on held-out rows."""
    kind, before = Kind.PERFORMANCE, report.expected
    if isinstance(seen, Measured):
        if report.expected_auc is None:
            return []
        return _loss(kind, report.expected_auc, seen.auc, seen.high, spec.least_loss)
    if before is None or not before.error or seen.low <= before.error:
        return []
    rise = seen.error / before.error - 1
    return [Cause(kind=kind, subject=before.words, effect=rise, floor=spec.loss_margin)]


def _loss(
    kind: Kind, before: float, now: float | None, high: float | None, least: float
) -> list[Cause]:
    if now is None or high is None or high >= before or before - now < least:
        return []
    return [Cause(kind=kind, subject="area under the curve", effect=before - now, floor=least)]
