"""Labels that come late: they are joined as they mature, and the champion's loss is tested on them.

A window is judged when its labels are old enough to be all there. One that lacks some is tried
again with every look. What little is known of the newest window is told, and judges nothing: labels
that come early need not be typical.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from blocks.contracts import ObjectStore, Window
from tasks.drift import performance, quality
from tasks.drift.betting import LossEvidence
from tasks.drift.performance import Calibrator, Floats, Measured
from tasks.drift.quality import MeasuredErrors, Quality
from tasks.watch.reference import PREDICTION, WatchReference
from tasks.watch.report import MeasuredWindow, WatchReport
from tasks.watch.spec import LabelSpec, WatchSpec
from tasks.watch.traffic import Observe, Traffic, labelled

AGAIN = 10  # windows that lacked labels, the newest ones, which are tried again
OF = "window of the row"

Judge = Calibrator | Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Joins what an endpoint answered with what came true."""

    observe: Observe
    store: ObjectStore
    spec: WatchSpec
    reference: WatchReference

    def join(
        self, window: Window, traffic: Traffic, earlier: Sequence[WatchReport]
    ) -> Mapping[str, object]:
        """Return the fields of a report: ``early``, ``late`` and ``matured``, if there are labels.

        ``window`` and its ``traffic`` are the newest; ``earlier`` looks come oldest first.
        """
        labels, judge = self.spec.labels, self.reference.calibrator or self.reference.quality
        if labels is None or judge is None:
            return {}
        back = -(-labels.maturity // self.spec.window) * self.spec.window
        past = Window(start=window.start - back, end=window.end - back)
        ours = [each for each in earlier if each.model == self.reference.profile.model]
        again = [each for each in incomplete(ours) if each != past]
        back_then = [each for each in (*again, past) if each != window]
        rows = {each: self.observe(each).sample.to_pandas() for each in back_then}
        rows[window] = traffic.sample.to_pandas()
        known = self._known(labels, rows)
        evidence, found = self._evidence(ours), {}
        for each in (*again, past):
            seen = self._judged(each, len(rows[each]), known[each], judge, evidence)
            evidence = seen.evidence or evidence
            found[each] = seen
        return {
            "early": self._early(window, rows, known, judge) if past != window else None,
            "late": tuple(found[each] for each in again if found[each].complete),
            "matured": found[past] if len(rows[past]) else None,
        }

    def _known(
        self, labels: LabelSpec, rows: Mapping[Window, pd.DataFrame]
    ) -> Mapping[Window, pd.DataFrame]:
        """Return the rows of each window that have a label, from one reading of the labels."""
        marked = [part.assign(**{OF: at}) for at, part in enumerate(rows.values()) if len(part)]
        if not marked:
            return {window: pd.DataFrame() for window in rows}
        captured = pd.concat(marked, ignore_index=True).dropna(subset=[PREDICTION])
        joined = labelled(self.store, labels, captured)
        return {window: joined[joined[OF] == at] for at, window in enumerate(rows)}

    def _judged(
        self,
        window: Window,
        captured: int,
        known: pd.DataFrame,
        judge: Judge,
        evidence: LossEvidence | None,
    ) -> MeasuredWindow:
        labels = self.spec.labels
        complete = labels is not None and len(known) >= labels.least_share * max(captured, 1)
        found = MeasuredWindow(
            window=window, captured=captured, labelled=len(known), complete=complete
        )
        if not complete or len(known) < self.spec.least_rows:
            return found
        seen, losses = _measured(judge, known)
        if evidence is not None:
            evidence = evidence.after(losses)
        return found.model_copy(update={"measured": seen, "evidence": evidence})

    def _early(
        self,
        window: Window,
        rows: Mapping[Window, pd.DataFrame],
        known: Mapping[Window, pd.DataFrame],
        judge: Judge,
    ) -> MeasuredWindow | None:
        if known[window].empty:
            return None
        seen, _ = _measured(judge, known[window])
        return MeasuredWindow(
            window=window,
            captured=len(rows[window]),
            labelled=len(known[window]),
            complete=False,
            measured=seen,
        )

    def _evidence(self, earlier: Sequence[WatchReport]) -> LossEvidence | None:
        """Return the newest evidence against the promise; none yet, if it was another promise."""
        if self.reference.loss is None:
            return None
        promised = min(self.reference.loss * (1 + self.spec.loss_margin), 0.99)
        found = (each.evidence for each in reversed(earlier) if each.evidence is not None)
        newest = next(found, None)
        if newest is None or newest.promised != promised:
            return LossEvidence(promised=promised)
        return newest


def incomplete(earlier: Sequence[WatchReport]) -> list[Window]:
    """Return the windows that lacked labels when they were looked at, oldest first."""
    open_windows: dict[Window, None] = {}
    for report in earlier:
        if report.matured is not None and not report.matured.complete:
            open_windows[report.matured.window] = None
        for late in report.late:
            open_windows.pop(late.window, None)
    return list(open_windows)[-AGAIN:]


def _measured(judge: Judge, known: pd.DataFrame) -> tuple[Measured | MeasuredErrors, Floats]:
    """Return the performance on labelled rows, and the loss of each in 0..1."""
    if isinstance(judge, Quality):
        gaps = judge.gaps(known[PREDICTION].to_numpy(), known["label"].to_numpy())
        return quality.measure(judge, gaps), judge.losses(gaps)
    scores = known[PREDICTION].to_numpy(dtype=np.float64)
    truth = known["label"].to_numpy(dtype=np.int64)
    losses: Floats = (judge(scores) - truth) ** 2
    return performance.measure(judge, scores, truth), losses
