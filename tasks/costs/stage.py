"""Tell what a release has cost."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import ObjectStore, Prices
from tasks import showing
from tasks.costs.actual import CostReport, actual, both_up
from tasks.costs.forecast import forecast
from tasks.evaluation.report import EvaluationReport
from tasks.processing.job import used
from tasks.rollout.report import RolloutReport
from tasks.specification.spec import ReleaseSpec
from tasks.training.report import TrainingReport

NEAR = ("validation", "evaluation", "watch")  # folders of a run to which jobs near the data write


@task(name="costs", task_run_name="costs", cache_policy=NO_CACHE)
def tell_costs(
    prices: Prices,
    store: ObjectStore,
    spec: ReleaseSpec,
    *,
    training: TrainingReport,
    evaluation: EvaluationReport,
    rollout: RolloutReport,
    run: str,
) -> CostReport:
    """Return expected and actual costs of a release; keep them with the run."""
    report = actual(
        forecast(spec, prices, second_fleet=bool(both_up(rollout))),
        prices,
        spec.rollout,
        training=training,
        rollout=rollout,
        near=used(store, [f"{store.root}/runs/{run}/{part}" for part in NEAR]),
        per_thousand=evaluation.cost_per_thousand,
        currency=evaluation.currency,
    )
    store.write(f"{store.root}/runs/{run}/costs.json", report.model_dump_json().encode())
    showing.table("costs", report.table(), f"What run {run} was expected to cost, and what it did")
    return report
