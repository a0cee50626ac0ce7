"""Register a model with its evidence: data, code, environment, evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import ModelDraft, ModelRegistry, ModelVersion, ObjectStore, RunKey
from blocks.workload.places import local_path
from tasks import showing
from tasks.evaluation.report import EvaluationReport
from tasks.memory import remember
from tasks.registration.lineage import code_digest, code_revision, environment_lock, sha256
from tasks.specification.spec import ReleaseSpec
from tasks.training.report import TrainingReport
from tasks.transfer.carry import draft_for
from tasks.validation.report import ValidationReport
from tasks.waiting import OUTAGE, Pace, patiently


@task(name="register", task_run_name="register", cache_policy=NO_CACHE)
def register_model(
    models: ModelRegistry,
    store: ObjectStore,
    spec: ReleaseSpec,
    *,
    data_uri: str,
    validation: ValidationReport,
    training: TrainingReport,
    evaluation: EvaluationReport,
    reference_uris: Sequence[str],
    run: str,
) -> ModelVersion:
    """Return the version under which the model is kept; one version per run, however often.

    ``data_uri`` is where the training read its data; code is told of as the specification names it.
    """
    make = partial(
        _draft,
        store,
        spec,
        run,
        data_uri=data_uri,
        validation=validation,
        training=training,
        evaluation=evaluation,
        reference_uris=reference_uris,
    )
    draft = remember(store, f"{store.root}/runs/{run}/draft.json", ModelDraft, make)
    draft = draft_for(models.features.scheme, draft, store)
    register = partial(models.register, draft, key=RunKey(run=run, step="register"))
    version = patiently(register, within=OUTAGE, pace=Pace())
    showing.page("model", _card(version, spec), f"{version.name}, version {version.version}")
    return version


def _draft(
    store: ObjectStore,
    spec: ReleaseSpec,
    run: str,
    *,
    data_uri: str,
    validation: ValidationReport,
    training: TrainingReport,
    evaluation: EvaluationReport,
    reference_uris: Sequence[str],
) -> ModelDraft:
    place = f"{store.root}/runs/{run}"
    lock = environment_lock()
    kept = {
        "environment.txt": store.write(f"{place}/environment.txt", lock.encode()).uri,
        "specification.json": store.write(
            f"{place}/specification.json", spec.model_dump_json(indent=2).encode()
        ).uri,
        "evaluation/report.json": f"{place}/evaluation/report.json",
        "evaluation/report.md": f"{place}/evaluation/report.md",
        "validation/suite.json": validation.suite_uri,
        "validation/data-docs.html": validation.docs_uri,
        "validation/report.json": f"{place}/validation/report.json",
        **{f"evaluation/{name}.png": uri for name, uri in evaluation.plots.items()},
    }
    kept |= {uri.rpartition("/")[2]: uri for uri in reference_uris}
    source = local_path(spec.training.source)
    lineage = {
        "run": run,
        "specification": spec.digest(),
        "data": data_uri,
        "data_fingerprint": validation.fingerprint,
        "code_revision": code_revision(source) if source else "",
        "code_digest": code_digest(source) if source else "",
        "environment_digest": sha256(lock),
        "training_jobs": ",".join(attempt.ref.id for attempt in training.attempts),
        **{f"parameter.{name}": value for name, value in training.result.parameters.items()},
        **{f"tag.{name}": value for name, value in spec.tags.items()},
    }
    return ModelDraft(
        name=spec.name,
        uri=training.result.model_uri,
        digest=training.result.digest,
        metrics={**training.result.metrics, **evaluation.metrics()},
        lineage={name: value for name, value in lineage.items() if value},
        evidence=kept,
    )


def _card(version: ModelVersion, spec: ReleaseSpec) -> str:
    lines = [f"# {version.name}, version {version.version}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value:.4f} |" for name, value in version.metrics.items()]
    lines += [f"| {name} | `{value}` |" for name, value in version.lineage.items()]
    lines += ["", f"Kept at `{version.uri}`, sha256 `{version.digest}`.", ""]
    lines += [f"- {name}: `{uri}`" for name, uri in version.evidence.items()]
    if version.url:
        lines.append(f"\n[Open in MLflow]({version.url})")
    return "\n".join(lines)
