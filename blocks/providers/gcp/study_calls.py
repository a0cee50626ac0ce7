"""Studies in Vertex AI's words, and Vertex AI's words in ours. Pure: no call is made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.cloud.aiplatform_v1.types import HyperparameterTuningJob, JobState, StudySpec, Trial

from blocks.contracts import (
    Candidates,
    Failure,
    Goal,
    OperationStatus,
    Phase,
    Scale,
    Study,
    TrainingRequest,
    TrainingResult,
    Usage,
)
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.machines import from_machine_spec
from blocks.providers.gcp.training_calls import (
    POLL_AFTER,
    Options,
    failed,
    is_over,
    is_spot,
    is_waiting,
    to_custom_job,
)
from blocks.workload import Outcome

_Parameter = StudySpec.ParameterSpec
_SCALES = {
    Scale.LINEAR: _Parameter.ScaleType.UNIT_LINEAR_SCALE,
    Scale.LOG: _Parameter.ScaleType.UNIT_LOG_SCALE,
}
_GOALS = {
    Goal.MAXIMIZE: StudySpec.MetricSpec.GoalType.MAXIMIZE,
    Goal.MINIMIZE: StudySpec.MetricSpec.GoalType.MINIMIZE,
}
_TRIED = frozenset({Trial.State.SUCCEEDED, Trial.State.INFEASIBLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLeft:
    """What the trials of a study left, by the id of each."""

    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    starts: Mapping[str, int] = field(default_factory=dict)
    last_lines: str = ""


def to_tuning_job(
    request: TrainingRequest, study: Study, token: str, *, account: GcpAccount, options: Options
) -> dict[str, Any]:
    """Return the job that searches; each of its trials is a custom job like any other."""
    job = to_custom_job(request, token, account=account, options=options)
    return {
        **{name: value for name, value in job.items() if name != "job_spec"},
        "study_spec": {
            "metrics": [{"metric_id": study.metric, "goal": _GOALS[study.goal]}],
            "parameters": [_parameter(*each) for each in study.parameters.items()],
        },
        "max_trial_count": study.trials,
        "parallel_trial_count": study.parallel,
        "max_failed_trial_count": min(options.failed_trials, study.trials),
        "trial_job_spec": job["job_spec"],
    }


def model_place(job: HyperparameterTuningJob, trial: str) -> str:
    """Return the URI of the folder where a trial leaves its models, without a closing slash."""
    prefix = str(job.trial_job_spec.base_output_directory.output_uri_prefix)
    return f"{prefix.rstrip('/')}/{trial}/model"


def best_trial(job: HyperparameterTuningJob) -> Trial | None:
    """Return the trial whose last word on the metric is the best; None if none has one."""
    [metric] = job.study_spec.metrics
    told = [
        each
        for each in job.trials
        if each.state == Trial.State.SUCCEEDED and each.final_measurement.metrics
    ]
    up = metric.goal == StudySpec.MetricSpec.GoalType.MAXIMIZE
    return (max if up else min)(told, key=_measured) if told else None


def from_tuning_job(
    job: HyperparameterTuningJob, left: StudyLeft
) -> OperationStatus[TrainingResult]:
    """Return what a study means, with what its trials left."""
    phase, result, failure = _verdict(job, left)
    tried = sum(each.state in _TRIED for each in job.trials)
    return OperationStatus(
        phase=phase,
        result=result,
        failure=failure,
        interruptions=sum(max(0, starts - 1) for starts in left.starts.values())
        + (phase is Phase.INTERRUPTED),
        usage=_usage(job),
        progress=tried / job.max_trial_count if job.trials else None,
        poll_after=None if phase.done else POLL_AFTER,
    )


def _verdict(
    job: HyperparameterTuningJob, left: StudyLeft
) -> tuple[Phase, TrainingResult | None, Failure | None]:
    if not is_over(job):
        return (Phase.QUEUED if is_waiting(job) else Phase.RUNNING), None, None
    if job.state == JobState.JOB_STATE_CANCELLED:
        failure = Failure(code="CANCELLED", message="cancelled by request")
        return Phase.CANCELLED, None, failure
    if job.state != JobState.JOB_STATE_SUCCEEDED:
        return _given_up(job, left)
    best = best_trial(job)
    outcome = left.outcomes.get(best.id) if best else None
    if best is not None and outcome is not None and outcome.ok:
        return Phase.SUCCEEDED, _result(job, best, outcome), None
    remedy = "the best trial left no outcome; call job.succeed(...) at the end of the command"
    return Phase.FAILED, None, Failure(code="NO_OUTCOME", message=remedy)


def _given_up(
    job: HyperparameterTuningJob, left: StudyLeft
) -> tuple[Phase, TrainingResult | None, Failure | None]:
    """Sort the end of a study too many of whose trials failed; one that says why is believed."""
    said = next((each for each in left.outcomes.values() if not each.ok), None)
    if said is not None:
        return Phase.FAILED, None, Failure(code=said.code, message=said.message)
    phase, failure = failed(job.error, left.last_lines)
    return phase, None, failure


def _result(job: HyperparameterTuningJob, best: Trial, outcome: Outcome) -> TrainingResult:
    [metric] = job.study_spec.metrics
    return TrainingResult(
        model_uri=outcome.model_uri,
        digest=outcome.digest,
        metrics={**outcome.metrics, metric.metric_id: _measured(best)},
        parameters={each.parameter_id: _text(each.value) for each in best.parameters},
    )


def _measured(trial: Trial) -> float:
    return float(trial.final_measurement.metrics[0].value)


def _text(value: Any) -> str:
    """Return a value as its trial got it; whole numbers come as floats."""
    if isinstance(value, str):
        return value
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _parameter(name: str, candidates: Candidates) -> Mapping[str, Any]:
    if candidates.values:
        return {
            "parameter_id": name,
            "categorical_value_spec": {"values": list(candidates.values)},
        }
    low, high = candidates.low or 0.0, candidates.high or 0.0
    kind = "integer_value_spec" if candidates.whole else "double_value_spec"
    number: type[float] = int if candidates.whole else float
    return {
        "parameter_id": name,
        "scale_type": _SCALES[candidates.scale],
        kind: {"min_value": number(low), "max_value": number(high)},
    }


def _usage(job: HyperparameterTuningJob) -> Usage | None:
    """Return machine time over all trials that are over, and all nodes of each."""
    ran = [
        (each.end_time - each.start_time).total_seconds()
        for each in job.trials
        if "start_time" in each and "end_time" in each
    ]
    pools = job.trial_job_spec.worker_pool_specs
    return (
        Usage(
            machine=from_machine_spec(pools[0].machine_spec),
            seconds=sum(ran) * sum(pool.replica_count for pool in pools),
            spot=is_spot(job.trial_job_spec),
        )
        if ran
        else None
    )
