"""Evaluate a challenger: against the champion, by slice, and by absolute limits."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import (
    InvalidRequest,
    ModelVersion,
    ObjectStore,
    Prices,
    ProcessingJobs,
    RunKey,
    TrainingResult,
)
from tasks import showing
from tasks.data import DataSpec
from tasks.evaluation.near import REFUSALS, look
from tasks.evaluation.part import Question, part_of
from tasks.evaluation.report import EvaluationReport
from tasks.evaluation.spec import EvaluationSpec
from tasks.memory import remember
from tasks.processing.job import done_by_a_job


@task(name="evaluate", task_run_name="evaluate", cache_policy=NO_CACHE)
def evaluate_model(
    store: ObjectStore,
    prices: Prices,
    spec: EvaluationSpec,
    data: DataSpec,
    *,
    challenger: TrainingResult,
    champion: ModelVersion | None,
    machine: str,
    run: str,
    jobs: ProcessingJobs | None = None,
) -> EvaluationReport:
    """Return what was found, here or by a job near the data.

    Raises:
        ModelRefused: a model cannot be compared.
        ProcessingFailed: the job near the data ended without an answer.
    """
    place = f"{store.root}/runs/{run}/evaluation"

    def evaluate() -> EvaluationReport:
        question = Question(
            spec=spec,
            data=data,
            challenger=challenger,
            champion=champion,
            price=prices.price(machine),
            place=place,
        )
        return look(question, store) if spec.near is None else _near(jobs, store, question, run)

    report = remember(store, f"{place}/report.json", EvaluationReport, evaluate)
    store.write(f"{place}/report.md", report.markdown().encode())
    pictures = {uri: store.read(uri) for uri in report.plots.values()}
    showing.page("evaluation", report.markdown(), "Champion and challenger", pictures=pictures)
    return report


def _near(
    jobs: ProcessingJobs | None, store: ObjectStore, question: Question, run: str
) -> EvaluationReport:
    near = question.spec.near
    if jobs is None or near is None:
        raise InvalidRequest(
            "evaluation.near: there is nothing that processes here; leave it out",
            code="PROCESSING",
        )
    part, key = part_of(question), RunKey(run=run, step="evaluate")
    found = done_by_a_job(jobs, store, near, part, key=key, refusals=REFUSALS)
    return EvaluationReport.model_validate_json(found)
