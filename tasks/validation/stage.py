"""Validate a data set, keep what was found, and stop a release on bad data."""

from __future__ import annotations

from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import InvalidRequest, ObjectStore, ProcessingJobs, RunKey
from tasks import showing
from tasks.memory import remember
from tasks.processing.job import Part, done_by_a_job
from tasks.processing.spec import NearSpec
from tasks.validation.near import part_of
from tasks.validation.report import DataRejected, ValidationReport
from tasks.validation.spec import ValidationSpec
from tasks.validation.validated import validated


@task(name="validate", task_run_name="validate {run}", cache_policy=NO_CACHE)
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
    look = partial(validated, store, spec, data_uri, place)
    if spec.near is not None:
        look = partial(_near, jobs, store, spec.near, part_of(spec, data_uri, place), run=run)
    report = remember(store, f"{place}/report.json", ValidationReport, look)
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
    jobs: ProcessingJobs | None, store: ObjectStore, near: NearSpec, part: Part, *, run: str
) -> ValidationReport:
    if jobs is None:
        raise InvalidRequest(
            "validation.near: there is nothing that processes here; leave it out", code="PROCESSING"
        )
    found = done_by_a_job(jobs, store, near, part, key=RunKey(run=run, step="validate"))
    return ValidationReport.model_validate_json(found)
