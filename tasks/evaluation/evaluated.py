"""What champion and challenger show on the same rows: all of evaluation, wherever it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from threadpoolctl import threadpool_limits

from blocks.contracts import ModelVersion, ObjectStore, Price, TrainingResult
from tasks.data import DataSpec
from tasks.evaluation import plots
from tasks.evaluation.answers import ModelRefused
from tasks.evaluation.gates import Gate, Rule, compare
from tasks.evaluation.latency import Latency, measure
from tasks.evaluation.metrics import Metric, Undefined, metric_of
from tasks.evaluation.report import EvaluationReport, Limit
from tasks.evaluation.scoring import (
    Hands,
    LoadedModel,
    Scored,
    alone,
    label_of,
    load_model,
    score,
)
from tasks.evaluation.shown import Shown, at_most, shown
from tasks.evaluation.slices import classes, slices, whole
from tasks.evaluation.spec import EvaluationSpec
from tasks.labels import Label
from tasks.transfer.models import model_folder


def evaluated(
    store: ObjectStore,
    spec: EvaluationSpec,
    data: DataSpec,
    *,
    challenger: TrainingResult,
    champion: ModelVersion | None,
    price: Price | None,
    place: str,
    hands: Hands = alone,
) -> EvaluationReport:
    """Return what is found; pictures of it are kept at ``place`` of the store.

    ``hands`` score the rows. Raises ModelRefused for a model that cannot be compared.
    """
    return _Evaluation(store, spec, data, place, hands).report(challenger, champion, price)


class _Evaluation:
    """One evaluation, with what its parts have in common."""

    def __init__(
        self, store: ObjectStore, spec: EvaluationSpec, data: DataSpec, place: str, hands: Hands
    ) -> None:
        self.store, self.spec, self.data, self.place = store, spec, data, place
        self.hands = hands

    def report(
        self, challenger: TrainingResult, champion: ModelVersion | None, price: Price | None
    ) -> EvaluationReport:
        new = self._load(challenger.model_uri, challenger.digest)
        old = self._load(champion.uri, champion.digest) if champion else None
        models = [old, new] if old else [new]
        label = label_of(self.store, self.data.holdout, self.data)
        held_out = self._score(self.data.holdout, models, label)
        metric = self._metric(held_out)
        found = shown(held_out, metric)
        latency = self._latency(new, held_out)
        cost = _cost(latency, price)
        by_slice = self._slices(held_out, metric) if old else ()
        one_by_one = Metric.ROC_AUC if held_out.chances else Metric.ACCURACY
        by_class = self._classes(held_out, one_by_one) if old else ()
        names = [f"champion (version {champion.version})", "challenger"] if champion else ["new"]
        return EvaluationReport(
            champion=champion.version if champion else "",
            problem_type=label.problem_type,
            metric=metric,
            rows=len(held_out.truth),
            auc=found.auc,
            figures=found.figures,
            recalls=found.recalls or {},
            limits=tuple(self._limits(found, latency, cost)),
            overall=self._overall(held_out, models, metric) if old else (),
            slices=by_slice,
            classes=by_class,
            class_metric=one_by_one if by_class else None,
            calibration=found.calibration,
            latency=latency,
            cost_per_thousand=cost,
            currency=price.currency if price else "",
            block_inconclusive=self.spec.on_inconclusive == "block",
            plots=self._plots(
                {
                    "curves": found.picture(names),
                    "slices": _forest(by_slice, metric),
                    "classes": _forest(by_class, one_by_one),
                }
            ),
        )

    def _load(self, uri: str, digest: str) -> LoadedModel:
        model = load_model(model_folder(self.store, uri, digest), digest)
        return replace(model, uri=uri, digest=digest)

    def _score(self, uri: str, models: Sequence[LoadedModel], label: Label) -> Scored:
        return score(
            self.store,
            uri,
            self.data,
            models,
            label=label,
            cluster=self.spec.cluster,
            hands=self.hands,
        )

    def _metric(self, scored: Scored) -> Metric:
        """Return by what is compared. Raises ModelRefused where the scores are not of the kind."""
        kind = scored.label.problem_type
        try:
            metric = metric_of(self.spec.metric, kind, chances=scored.chances)
        except Undefined as error:
            raise ModelRefused(f"evaluation.metric: {error}") from error
        scores = scored.scores
        if metric.probabilities and not ((scores >= 0) & (scores <= 1)).all():
            raise ModelRefused(f"{metric.words} is of probabilities; scores leave 0 to 1")
        return metric

    def _overall(
        self, held_out: Scored, models: Sequence[LoadedModel], metric: Metric
    ) -> tuple[Gate, ...]:
        samples = [whole(held_out, "held-out rows")]
        if self.data.recent:
            recent = self._score(self.data.recent, models, held_out.label)
            self._metric(recent)  # scores may leave 0 to 1 there alone
            samples.append(whole(recent, "recent rows"))
        return compare(samples, self._rule(self.spec.margin, metric))

    def _slices(self, held_out: Scored, metric: Metric) -> tuple[Gate, ...]:
        spec = self.spec
        samples = list(slices(held_out, least_rows=spec.least_slice_rows))
        rule = self._rule(spec.slice_margin, metric)
        return compare(samples, rule, like=whole(held_out, "all"))

    def _classes(self, held_out: Scored, metric: Metric) -> tuple[Gate, ...]:
        return compare(list(classes(held_out)), self._rule(self.spec.slice_margin, metric))

    def _rule(self, margin: float, metric: Metric) -> Rule:
        spec = self.spec
        return Rule(
            margin=margin,
            metric=metric,
            threshold=spec.threshold,
            alpha=spec.alpha,
            power=spec.power,
        )

    def _latency(self, model: LoadedModel, held_out: Scored) -> Latency:
        asked = self.spec.latency
        rows = model.take(held_out.some_rows).head(asked.rows)
        with threadpool_limits(1):  # as it is served: a replica uses one thread a request
            return measure(
                lambda: model.predict(rows),
                requests=asked.requests,
                concurrency=asked.concurrency,
                rows=len(rows),
            )

    def _limits(self, found: Shown, latency: Latency, cost: Decimal | None) -> list[Limit]:
        spec = self.spec
        try:
            limits = found.limits(spec)
        except KeyError as error:
            raise ModelRefused(
                f"evaluation.limits: {error} is no figure of these answers; name one of "
                f"{', '.join(found.figures) or 'none: of two classes there is least_auc'}"
            ) from error
        if spec.latency.p99_limit_ms is not None:
            limits.append(at_most("p99 latency in ms", latency.p99, spec.latency.p99_limit_ms))
        if spec.cost_limit is not None:
            value = float(cost) if cost is not None else float("inf")
            limits.append(at_most("cost of 1,000 predictions", value, float(spec.cost_limit)))
        return limits

    def _plots(self, drawn: Mapping[str, bytes]) -> dict[str, str]:
        return {
            name: self.store.write(f"{self.place}/{name}.png", png).uri
            for name, png in drawn.items()
            if png
        }


def _forest(gates: Sequence[Gate], metric: Metric) -> bytes:
    return plots.forest(gates, metric.words) if gates else b""


def _cost(latency: Latency, price: Price | None) -> Decimal | None:
    """Cost of 1,000 rows on a machine that does nothing else; None without a price."""
    if price is None:
        return None
    hours = Decimal(1000 / latency.rows_per_second / 3600)
    return price.per_hour * hours
