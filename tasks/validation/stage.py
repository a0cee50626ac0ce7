"""Validate a data set, keep what was found, and stop a release on bad data."""

from __future__ import annotations

from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import InvalidRequest, ObjectStore, ProcessingJobs, RunKey
from tasks import showing
from tasks.memory import remember
from tasks.processing.job import done_by_a_job
from tasks.validation.near import REFUSALS, look
from tasks.validation.part import Question, part_of
from tasks.validation.report import DataRejected, ValidationReport
from tasks.validation.spec import ValidationSpec


@task(name="validate", task_run_name="validate", cache_policy=NO_CACHE)
def validate_data(
    store: ObjectStore,
    spec: ValidationSpec,
    data_uri: str,
    *,
    run: str,
    jobs: ProcessingJobs | None = None,
) -> ValidationReport:
    """Return what the suite found, here or by a job near the data: it is the same.

    Raises:
        SuiteRefused: before any row is read, with everything in the suite that cannot be run.
        DataRejected: a check failed that stops a release.
        NotFound, InvalidRequest: there is no data there, or it is no Parquet data set.
        ProcessingFailed: the job near the data ended without an answer.
    """
    place = f"{store.root}/runs/{run}/validation"
    question = Question(spec=spec, data_uri=data_uri, place=place)
    ask = partial(_near, jobs, run=run) if spec.near is not None else look
    report = remember(
        store, f"{place}/report.json", ValidationReport, partial(ask, question, store)
    )
    found = "passed" if report.passed else "FAILED"
    showing.table("validation", report.table(), f"{found}: {report.suite}, {report.rows} rows")
    if report.docs_uri:
        showing.link("data-docs", report.docs_uri, "Data Docs")
    if report.batch_docs_uri:
        showing.link("newest-batch-docs", report.batch_docs_uri, f"Data Docs of {report.batch}")
    for check in report.failed:
        showing.logger().warning("%s: %s", check.severity, check)
    if not report.passed:
        raise DataRejected(report)
    return report


def _near(
    jobs: ProcessingJobs | None, question: Question, store: ObjectStore, *, run: str
) -> ValidationReport:
    near = question.spec.near
    if jobs is None or near is None:
        raise InvalidRequest(
            "validation.near: there is nothing that processes here; leave it out",
            code="PROCESSING",
        )
    part, key = part_of(question), RunKey(run=run, step="validate")
    found = done_by_a_job(jobs, store, near, part, key=key, refusals=REFUSALS)
    return ValidationReport.model_validate_json(found)
