"""Train a model, through as many interruptions as allowed."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import (
    Conflict,
    NoCapacity,
    ObjectStore,
    OperationRef,
    OperationStatus,
    Phase,
    Prices,
    RunKey,
    TrainingJobs,
    TrainingRequest,
    TrainingResult,
    Unexpected,
)
from tasks import showing
from tasks.training.attempts import Budget
from tasks.training.report import Attempt, TrainingReport, priced
from tasks.training.spec import TrainingSpec
from tasks.waiting import OUTAGE, Pace, patiently, wait


@task(name="train", task_run_name="train {run}", cache_policy=NO_CACHE)
def train_model(
    jobs: TrainingJobs,
    store: ObjectStore,
    prices: Prices,
    spec: TrainingSpec,
    *,
    data_uri: str,
    run: str,
    pace: Pace | None = None,
) -> TrainingReport:
    """Return the model and what it took.

    Safe to run again at any time with the same ``run``: finished attempts are recognised by their
    tokens and skipped, a running one is reattached.
    """
    trainer = _Trainer(jobs, store, spec, run, pace or Pace(every=timedelta(seconds=5)))
    result, attempts = trainer.until_a_model(to_request(spec, data_uri, f"{store.root}/runs/{run}"))
    report = TrainingReport(result=result, attempts=priced(attempts, prices))
    showing.table("training", report.table(), f"Attempts at training, run {run}")
    return report


def to_request(spec: TrainingSpec, data_uri: str, place: str) -> TrainingRequest:
    """Return the request of a first attempt; all attempts of a run share ``place``."""
    return TrainingRequest(
        image=spec.image,
        source_uri=spec.source,
        command=spec.command,
        parameters=spec.parameters,
        env={**_expectation(spec), **spec.env},
        secrets=spec.secrets,
        machine=spec.machine,
        nodes=spec.nodes,
        spot=spec.spot is not None,
        data_uri=data_uri,
        checkpoint_uri=f"{place}/checkpoints",
        output_uri=f"{place}/output",
        max_duration=spec.max_duration,
    )


def _expectation(spec: TrainingSpec) -> dict[str, str]:
    """Tell the job how often machines are taken back; its checkpoint interval follows from it."""
    if spec.spot is None:
        return {}
    return {"BLUEWATER_INTERRUPTIONS_PER_HOUR": f"{spec.spot.interruptions_per_hour:g}"}


class _Trainer:
    """Walks the attempts of one run. All it knows comes from its arguments and the provider."""

    def __init__(
        self, jobs: TrainingJobs, store: ObjectStore, spec: TrainingSpec, run: str, pace: Pace
    ) -> None:
        self.jobs, self.store, self.spec, self.run, self.pace = jobs, store, spec, run, pace
        self.logger = showing.logger()
        self.progress = showing.Progress(f"Training, run {run}")

    def until_a_model(self, base: TrainingRequest) -> tuple[TrainingResult, list[Attempt]]:
        budget, key = Budget(), RunKey(run=self.run, step="train")
        attempts: list[Attempt] = []
        while True:
            ref = self._submit(budget.request(base, self.spec), key)
            self.logger.info("attempt %s: job %s", key.attempt, ref.id)
            status = wait(
                partial(self.jobs.status, ref),
                within=self.spec.max_duration + OUTAGE,
                pace=self.pace,
                seen=self._show,
            )
            why = f"{status.failure.code}: {status.failure.message}" if status.failure else ""
            attempts.append(Attempt(ref=ref, phase=status.phase, why=why, usage=status.usage))
            if status.phase is Phase.SUCCEEDED:
                if status.result is None:
                    raise Unexpected(f"job {ref.id} succeeded without a model")
                return status.result, attempts
            self.logger.warning("attempt %s ended %s %s", key.attempt, status.phase.value, why)
            budget = budget.after(status.phase, self.spec, f"job {ref.id}: {why or status.phase}")
            key = key.next()

    def _submit(self, request: TrainingRequest, key: RunKey) -> OperationRef:
        """Submit; without spot capacity for long enough, decide for on-demand once and for all."""
        numbered = {**request.env, "BLUEWATER_ATTEMPT": str(key.attempt)}
        request = request.model_copy(update={"env": numbered})
        decision = f"{self.store.root}/runs/{self.run}/train/{key.attempt}-on-demand"
        on_demand = request.model_copy(update={"spot": False})
        if request.spot and any(True for _ in self.store.walk(decision)):
            request = on_demand
        waited = self.pace.clock()
        while True:
            submit = partial(self.jobs.submit, request, key=key)
            try:
                return patiently(submit, within=OUTAGE, pace=self.pace)
            except NoCapacity:
                spot = self.spec.spot
                if spot is None or not request.spot:
                    raise
                if self.pace.clock() - waited >= spot.capacity_wait.total_seconds():
                    if not spot.last_on_demand:
                        raise
                    # written down first: a replay that finds spot again must not start a second job
                    self._decide(decision)
                    request = on_demand
                else:
                    self.pace.pause()

    def _decide(self, decision: str) -> None:
        try:
            self.store.write(decision, b"", only_if_absent=True)
        except Conflict:
            self.logger.info("another process decided for on-demand first")

    def _show(self, status: OperationStatus[TrainingResult]) -> None:
        if status.progress is not None:
            self.progress.set(status.progress)
