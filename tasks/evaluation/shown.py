"""What the new model shows by itself on held-out rows, by what is predicted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.data import ProblemType
from tasks.evaluation import figures, plots
from tasks.evaluation.calibration import Calibration, calibration
from tasks.evaluation.metrics import LESS, Metric, area
from tasks.evaluation.report import Limit
from tasks.evaluation.scoring import Scored
from tasks.evaluation.spec import EvaluationSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Figures of the last model that was scored, and the picture of all of them."""

    picture: Callable[[Sequence[str]], bytes]  # takes the names of the models
    figures: Mapping[str, float]
    auc: float | None = None  # of two classes
    calibration: Calibration | None = None  # of chances
    recalls: Mapping[str, float] | None = None  # by class, of several
    usual: Mapping[str, float] | None = None  # limits of figures that count where none is named

    def limits(self, spec: EvaluationSpec) -> list[Limit]:
        """Return the limits of the specification. Raises KeyError for a figure of another kind."""
        found = []
        if self.auc is not None:
            found.append(at_least("area under the ROC curve", self.auc, spec.least_auc))
        for name, limit in {**(self.usual or {}), **spec.limits}.items():
            value, words = self.figures[name], name.replace("_", " ")
            if name in LESS:
                found.append(at_most(words, abs(value), limit))
            else:
                found.append(at_least(words, value, limit))
        if spec.calibration_limit is not None and self.calibration is not None:
            error = self.calibration.error
            found.append(at_most("calibration error", error, spec.calibration_limit))
        return found


def shown(scored: Scored, metric: Metric) -> Shown:
    """Return what the last of the scored models shows; ``metric`` is the one it is compared by."""
    return {
        ProblemType.BINARY: _two_classes,
        ProblemType.MULTICLASS: _classes,
        ProblemType.REGRESSION: _quantity,
    }[scored.label.problem_type](scored, metric)


def at_least(name: str, value: float, limit: float) -> Limit:
    """Return a limit that is kept from below."""
    return Limit(name=name, kept=value >= limit, found=f"{value:.4f}", limit=f"at least {limit:g}")


def at_most(name: str, value: float, limit: float) -> Limit:
    """Return a limit that is kept from above."""
    return Limit(name=name, kept=value <= limit, found=f"{value:.4g}", limit=f"at most {limit:g}")


def _two_classes(scored: Scored, _: Metric) -> Shown:
    truth, fit = scored.truth, calibration(scored.truth, scored.scores[-1])
    return Shown(
        picture=lambda names: plots.curves(truth, scored.scores, names, fit),
        figures={},
        auc=area(truth, scored.scores[-1]),
        calibration=fit,
    )


def _classes(scored: Scored, _: Metric) -> Shown:
    """Calibration is that of the likeliest class (Guo et al., ICML 2017)."""
    truth, scores, classes = scored.truth, scored.scores[-1], scored.label.classes
    likeliest = scores.argmax(axis=1)
    fit = calibration(likeliest == truth, scores.max(axis=1)) if scored.chances else None
    found = figures.recalls(truth, scores)
    present = [name for place, name in enumerate(classes) if (truth == place).any()]
    return Shown(
        picture=lambda names: plots.classes(truth, scores, classes, fit),
        figures=figures.of_classes(truth, scores, chances=scored.chances),
        calibration=fit,
        recalls=dict(zip(present, found, strict=True)),
        usual={"balanced_accuracy": 1 / len(classes)},
    )


def _quantity(scored: Scored, metric: Metric) -> Shown:
    truth, scores = scored.truth, scored.scores[-1]
    return Shown(
        picture=lambda names: plots.residuals(truth, scored.scores, names),
        figures=figures.of_quantity(truth, np.asarray(scores)),
        usual={"r2" if metric is Metric.SQUARED_ERROR else "d2_absolute_error": 0.0},
    )
