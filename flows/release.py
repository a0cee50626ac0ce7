"""From data to production, in one flow."""

from __future__ import annotations

from prefect import flow

from blocks.contracts import Frozen, ModelVersion, Prices, ProcessingJobs, TrainingJobs
from blocks.platform import Platform
from flows.approval import require_approval
from flows.rollout import to_ports
from flows.stores import store_of_endpoints
from flows.surroundings import surroundings
from tasks.approval.evidence import evidence
from tasks.costs.actual import CostReport
from tasks.costs.forecast import forecast
from tasks.costs.stage import tell_costs
from tasks.evaluation.report import EvaluationReport, require
from tasks.evaluation.stage import evaluate_model
from tasks.promotion.stage import settle_alias_of
from tasks.registration.stage import register_model
from tasks.rollout.report import RolloutReport
from tasks.rollout.stage import roll_out
from tasks.runs import a_run
from tasks.specification.spec import ReleaseSpec
from tasks.specification.stage import check_specification
from tasks.training.report import TrainingReport
from tasks.training.stage import train_model
from tasks.transfer.stage import carry_model, upload_sources
from tasks.validation.report import ValidationReport
from tasks.validation.stage import validate_data
from tasks.watch.asking import answering
from tasks.watch.stage import profile_reference


class ReleaseReport(Frozen):
    """What a release found and did, stage by stage."""

    run: str
    validation: ValidationReport
    training: TrainingReport
    evaluation: EvaluationReport
    model: ModelVersion
    rollout: RolloutReport
    costs: CostReport


@flow(name="release", flow_run_name="release {spec.name}", log_prints=False)
def release(
    platform: Platform, spec: ReleaseSpec, run: str = "", request: str = ""
) -> ReleaseReport:
    """Validate, train, evaluate, register and roll out.

    Started again after a crash, it goes on where it was: with the same ``run`` or ``request``, or,
    without one, with the newest run of this specification that did not come to its end.

    Args:
        platform: Where each part of the work is done.
        spec: What to release: data, training, gates, rollout.
        run: Go on with the run of this name, or begin it. Leave it empty to begin a new one.
        request: Id of the request to retrain that this answers. Events fill it in.

    Raises:
        NotAsked: there is no such request to retrain.
        SpecificationRefused: nothing was started.
        DataRejected: nothing was trained.
        ProcessingFailed: a job near the data failed; nothing comes after it.
        TrainingFailed, TooManyInterruptions: there is no model.
        ChallengerRejected: nothing was registered.
        NotApproved: somebody, or nobody in time, said no; the version is registered.
        ChampionMoved: another release came first; the version is registered, and not deployed.
        NoWayBack: what serves is this very version, and it is worse; it goes on serving.
    """
    # All is connected before anything is started: saved blocks come from Prefect's server, which
    # may be away when hours of training are over.
    jobs, processing, prices, ports = (
        platform.connect(TrainingJobs),
        platform.connect(ProcessingJobs) if platform.processing else None,
        platform.connect(Prices),
        to_ports(platform),
    )
    store, models, endpoints = ports.store, ports.models, ports.endpoints
    serving_store = store_of_endpoints(platform)
    digest = check_specification(spec, surroundings(platform))
    with (
        answering(store, spec.name, spec.rollout.endpoint, request) as answer,
        a_run(store, spec.name, digest, run=run or answer, longest=spec.longest_job) as run_id,
    ):
        there = upload_sources(store, spec, run=run_id)
        validation = validate_data(
            store, there.validation, there.data.train, run=run_id, jobs=processing
        )
        training = train_model(
            jobs, store, prices, there.training, data_uri=there.data.train, run=run_id
        )
        settle_alias_of(
            models,
            endpoints,
            store,
            spec.name,
            spec.alias,
            endpoint=spec.rollout.endpoint,
            by=run_id,
        )
        evaluation = evaluate_model(
            store,
            prices,
            there.evaluation,
            there.data,
            challenger=training.result,
            champion=models.resolve(spec.name, spec.alias),
            machine=spec.rollout.machine,
            run=run_id,
            jobs=processing,
        )
        require(evaluation)
        reference = profile_reference(
            store,
            there.watch,
            there.data,
            training=training.result,
            run=run_id,
            jobs=processing,
        )
        model = register_model(
            models,
            store,
            spec,
            data_uri=there.data.train,
            validation=validation,
            training=training,
            evaluation=evaluation,
            reference_uris=(reference.uri, reference.baseline_uri),
            run=run_id,
        )
        if spec.approval is not None:
            page = evidence(model, evaluation, forecast(spec, prices))
            require_approval(store, spec.approval, model, page, run=run_id)
        rollout = roll_out(
            ports,
            there.rollout,
            carry_model(model, endpoints, store=store, there=serving_store, run=run_id),
            alias=spec.alias,
            run=run_id,
            beaten=evaluation.champion,
        )
        costs = tell_costs(
            prices,
            store,
            spec,
            training=training,
            evaluation=evaluation,
            rollout=rollout,
            run=run_id,
        )
        return ReleaseReport(
            run=run_id,
            validation=validation,
            training=training,
            evaluation=evaluation,
            model=model,
            rollout=rollout,
            costs=costs,
        )
