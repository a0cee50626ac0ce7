"""What champion and challenger show on the same rows: all of evaluation, wherever it is done."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from threadpoolctl import threadpool_limits

from blocks.contracts import ModelVersion, ObjectStore, Price, TrainingResult
from tasks.data import DataSpec
from tasks.evaluation import plots
from tasks.evaluation.calibration import Calibration, calibration
from tasks.evaluation.gates import Gate, Rule, compare
from tasks.evaluation.latency import Latency, measure
from tasks.evaluation.metrics import area
from tasks.evaluation.report import EvaluationReport, Limit
from tasks.evaluation.scoring import LoadedModel, ModelRefused, Scored, load_model, score
from tasks.evaluation.slices import slices, whole
from tasks.evaluation.spec import EvaluationSpec
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
) -> EvaluationReport:
    """Return what is found; pictures of it are kept at ``place`` of the store.

    Raises ModelRefused for a model that cannot be compared.
    """
    return _Evaluation(store, spec, data, place).report(challenger, champion, price)


class _Evaluation:
    """One evaluation, with what its parts have in common."""

    def __init__(
        self, store: ObjectStore, spec: EvaluationSpec, data: DataSpec, place: str
    ) -> None:
        self.store, self.spec, self.data, self.place = store, spec, data, place

    def report(
        self, challenger: TrainingResult, champion: ModelVersion | None, price: Price | None
    ) -> EvaluationReport:
        new = self._load(challenger.model_uri, challenger.digest)
        old = self._load(champion.uri, champion.digest) if champion else None
        models = [old, new] if old else [new]
        held_out = self._score(self.data.holdout, models)
        fit = calibration(held_out.truth, held_out.scores[-1])
        latency = self._latency(new, held_out)
        cost = _cost(latency, price)
        auc = area(held_out.truth, held_out.scores[-1])
        by_slice = self._slices(held_out) if old else ()
        names = [f"champion (version {champion.version})", "challenger"] if champion else ["new"]
        return EvaluationReport(
            champion=champion.version if champion else "",
            metric=self.spec.metric,
            rows=len(held_out.truth),
            auc=auc,
            limits=tuple(self._limits(auc, fit, latency, cost)),
            overall=self._overall(held_out, models) if old else (),
            slices=by_slice,
            calibration=fit,
            latency=latency,
            cost_per_thousand=cost,
            currency=price.currency if price else "",
            block_inconclusive=self.spec.on_inconclusive == "block",
            plots=self._plots(held_out, names, fit, by_slice),
        )

    def _load(self, uri: str, digest: str) -> LoadedModel:
        return load_model(model_folder(self.store, uri, digest), digest)

    def _score(self, uri: str, models: Sequence[LoadedModel]) -> Scored:
        scored = score(self.store, uri, self.data, models, cluster=self.spec.cluster)
        metric = self.spec.metric
        if metric.probabilities and not ((scored.scores >= 0) & (scored.scores <= 1)).all():
            raise ModelRefused(f"{metric.words} is of probabilities; scores leave 0 to 1")
        return scored

    def _overall(self, held_out: Scored, models: Sequence[LoadedModel]) -> tuple[Gate, ...]:
        samples = [whole(held_out, "held-out rows")]
        if self.data.recent:
            samples.append(whole(self._score(self.data.recent, models), "recent rows"))
        return compare(samples, self._rule(self.spec.margin))

    def _slices(self, held_out: Scored) -> tuple[Gate, ...]:
        spec = self.spec
        samples = list(slices(held_out, least_rows=spec.least_slice_rows))
        return compare(samples, self._rule(spec.slice_margin), like=whole(held_out, "all"))

    def _rule(self, margin: float) -> Rule:
        spec = self.spec
        return Rule(
            margin=margin,
            metric=spec.metric,
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

    def _limits(
        self, auc: float, fit: Calibration, latency: Latency, cost: Decimal | None
    ) -> list[Limit]:
        spec = self.spec
        found = [_at_least("area under the ROC curve", auc, spec.least_auc)]
        if spec.calibration_limit is not None:
            found.append(_at_most("calibration error", fit.error, spec.calibration_limit))
        if spec.latency.p99_limit_ms is not None:
            found.append(_at_most("p99 latency in ms", latency.p99, spec.latency.p99_limit_ms))
        if spec.cost_limit is not None:
            value = float(cost) if cost is not None else float("inf")
            found.append(_at_most("cost of 1,000 predictions", value, float(spec.cost_limit)))
        return found

    def _plots(
        self, held_out: Scored, names: Sequence[str], fit: Calibration, gates: Sequence[Gate]
    ) -> dict[str, str]:
        drawn = {"curves": plots.curves(held_out.truth, held_out.scores, names, fit)}
        if gates:
            drawn["slices"] = plots.forest(gates, self.spec.metric.words)
        return {
            name: self.store.write(f"{self.place}/{name}.png", png).uri
            for name, png in drawn.items()
        }


def _cost(latency: Latency, price: Price | None) -> Decimal | None:
    """Cost of 1,000 rows on a machine that does nothing else; None without a price."""
    if price is None:
        return None
    hours = Decimal(1000 / latency.rows_per_second / 3600)
    return price.per_hour * hours


def _at_least(name: str, value: float, limit: float) -> Limit:
    return Limit(name=name, kept=value >= limit, found=f"{value:.4f}", limit=f"at least {limit:g}")


def _at_most(name: str, value: float, limit: float) -> Limit:
    return Limit(name=name, kept=value <= limit, found=f"{value:.4g}", limit=f"at most {limit:g}")
