"""Train a model, through as many interruptions as allowed."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import (
    NoCapacity,
    ObjectStore,
    OperationRef,
    OperationStatus,
    Phase,
    Prices,
    ProviderError,
    RunKey,
    TrainingJobs,
    TrainingRequest,
    TrainingResult,
    Unexpected,
)
from tasks import showing
from tasks.log_fields import about
from tasks.spot.situation import Action
from tasks.training.attempts import Budget
from tasks.training.choice import Choice, Chooser
from tasks.training.notes import Notes
from tasks.training.report import Attempt, TrainingReport, priced
from tasks.training.spec import TrainingSpec
from tasks.training.weight import newest_gigabytes
from tasks.waiting import OUTAGE, Pace, patiently, wait


@task(name="train", task_run_name="train", cache_policy=NO_CACHE)
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
    pace = pace or Pace(every=timedelta(seconds=5))
    trainer = _Trainer(jobs, store, prices, spec=spec, run=run, pace=pace)
    request = to_request(spec, data_uri, f"{store.root}/runs/{run}")
    with about(run=run, step="train"):
        result, attempts = trainer.until_a_model(request)
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
        study=spec.study,
    )


def _expectation(spec: TrainingSpec) -> dict[str, str]:
    """Tell the job how often machines are taken back; its checkpoint interval follows from it."""
    if spec.spot is None:
        return {}
    return {"BLUEWATER_INTERRUPTIONS_PER_HOUR": f"{spec.spot.interruptions_per_hour:g}"}


def _ended(
    ref: OperationRef, status: OperationStatus[TrainingResult], choice: Choice | None
) -> Attempt:
    failure = status.failure
    return Attempt(
        ref=ref,
        phase=status.phase,
        why=f"{failure.code}: {failure.message}" if failure else "",
        usage=status.usage,
        decision=choice.decision if choice else None,
    )


def _attempt(key: RunKey) -> dict[str, str]:
    return {"BLUEWATER_ATTEMPT": str(key.attempt)}


def _choice(key: RunKey, tries: int) -> str:
    return f"{key.attempt}-choice-{tries}"


class _Trainer:
    """Walks the attempts of one run. All it knows comes from its arguments and the provider."""

    def __init__(
        self,
        jobs: TrainingJobs,
        store: ObjectStore,
        prices: Prices,
        *,
        spec: TrainingSpec,
        run: str,
        pace: Pace,
    ) -> None:
        self.jobs, self.store, self.spec, self.run, self.pace = jobs, store, spec, run, pace
        self.logger = showing.logger()
        self.progress = showing.Progress(f"Training, run {run}")
        self.told: tuple[int, int] | None = None  # attempt and quarter of the work
        self.notes = Notes(store, f"{store.root}/runs/{run}/train", pace)
        self.began: float | None = None
        self.chooser: Chooser | None = None
        if spec.spot is not None and spec.spot.deadline is not None:
            self.chooser = Chooser(spec, spec.spot, prices, pace.every)

    def until_a_model(self, base: TrainingRequest) -> tuple[TrainingResult, list[Attempt]]:
        budget, key = Budget(), RunKey(run=self.run, step="train")
        attempts: list[Attempt] = []
        while True:
            request, choice = budget.request(base, self.spec), None
            if self.chooser is not None:
                ref, choice = self._choose(self.chooser, request, key)
            else:
                ref = self._submit(request, key)
            with about(attempt=key.attempt, provider=ref.provider, job=ref.id):
                self._tell(ref, key)
                status = self._ended(ref, key, choice)
                attempts.append(_ended(ref, status, choice))
                why = attempts[-1].why
                if status.phase is Phase.SUCCEEDED:
                    if status.result is None:
                        raise Unexpected(f"job {ref.id} succeeded without a model")
                    return status.result, attempts
                self.logger.warning("attempt %s ended %s %s", key.attempt, status.phase.value, why)
            if not (status.phase is Phase.CANCELLED and self.notes.has(f"{key.attempt}-left")):
                problem = f"job {ref.id}: {why or status.phase}"
                budget = budget.after(status.phase, self.spec, problem)
            key = key.next()

    def _tell(self, ref: OperationRef, key: RunKey) -> None:
        """Say which job it is, and where the provider shows it; nothing depends on that."""
        self.logger.info("attempt %s: job %s", key.attempt, ref.id)
        with suppress(ProviderError):
            if page := self.jobs.page(ref):
                showing.link("training-job", page, f"{ref.provider} job {ref.id}")

    def _ended(
        self, ref: OperationRef, key: RunKey, choice: Choice | None
    ) -> OperationStatus[TrainingResult]:
        """Wait for the end of an attempt; leave spot where staying puts the deadline at risk."""

        def seen(status: OperationStatus[TrainingResult]) -> None:
            self._show(status, key)
            if self.chooser is None or choice is None or status.phase.done:
                return
            self.chooser.told(status.progress)
            if choice.spot and not self.chooser.may_stay(choice, self._passed()):
                self.notes.write(f"{key.attempt}-left", b"")
                self.logger.info("attempt %s leaves spot to be in time", key.attempt)
                patiently(partial(self.jobs.cancel, ref), within=OUTAGE, pace=self.pace)

        observe = partial(self.jobs.status, ref)
        within = self.spec.longest + OUTAGE
        status = wait(observe, within=within, pace=self.pace, seen=seen)
        if self.chooser is not None and choice is not None:
            self.chooser.told(status.progress)
            if status.phase is not Phase.SUCCEEDED:
                self.chooser.set_back()
            if choice.spot and status.usage is not None:
                lost = status.phase is Phase.INTERRUPTED
                hours, passed = status.usage.seconds / 3600, self._passed()
                self.chooser.lived(choice, hours, lost=lost, passed=passed)
        return status

    def _choose(
        self, chooser: Chooser, request: TrainingRequest, key: RunKey
    ) -> tuple[OperationRef, Choice]:
        """Ask the policy until a job is started. What is decided is written down before it is done.

        After a choice of spot that met no capacity comes another; a replay goes on from the last.
        """
        if chooser.moves:
            weigh = partial(newest_gigabytes, self.store, request.checkpoint_uri)
            chooser.weighs(patiently(weigh, within=OUTAGE, pace=self.pace))
        tries = 0
        while self.notes.has(_choice(key, tries + 1)):
            tries += 1  # that one met no capacity; to ask again might start a second job
        while True:
            written = self.notes.read(_choice(key, tries))
            if written is None:
                decided = self._decided(chooser, request).model_dump_json().encode()
                written = self.notes.write(_choice(key, tries), decided)
            choice = Choice.model_validate_json(written)
            rate = {"BLUEWATER_INTERRUPTIONS_PER_HOUR": f"{choice.interruptions_per_hour:g}"}
            update = {
                "machine": choice.machine,
                "zone": choice.zone,
                "spot": choice.spot,
                "env": {**request.env, **rate, **self.spec.env, **_attempt(key)},
            }
            chosen = request.model_copy(update=update)
            submit = partial(self.jobs.submit, chosen, key=key)
            try:
                ref = patiently(submit, within=OUTAGE, pace=self.pace)
            except NoCapacity:
                if not choice.spot:
                    raise
                chooser.dry(choice, self._passed())
                tries += 1
            else:
                chooser.took(choice)
                return ref, choice

    def _decided(self, chooser: Chooser, request: TrainingRequest) -> Choice:
        while True:
            choice = chooser.choose(self._passed())
            if not request.spot:  # the last attempt allowed
                return choice.model_copy(update={"spot": False})
            if choice.decision.action is not Action.WAIT:
                self.logger.info("%s: %s", choice.decision.action, choice.decision.reason)
                return choice
            self.pace.pause()

    def _passed(self) -> float:
        """Return the hours since the training began, the same for all processes of the run."""
        if self.began is None:
            self.began = float(self.notes.write("began", repr(self.pace.clock()).encode()))
        return (self.pace.clock() - self.began) / 3600

    def _submit(self, request: TrainingRequest, key: RunKey) -> OperationRef:
        """Submit; without spot capacity for long enough, decide for on-demand once and for all."""
        numbered = {**request.env, **_attempt(key)}
        request = request.model_copy(update={"env": numbered})
        decision = f"{key.attempt}-on-demand"
        on_demand = request.model_copy(update={"spot": False})
        if request.spot and self.notes.has(decision):
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
                    self.notes.write(decision, b"")
                    request = on_demand
                else:
                    self.pace.pause()

    def _show(self, status: OperationStatus[TrainingResult], key: RunKey) -> None:
        """Move the bar; the log tells where an attempt begins, and each quarter of the work."""
        if status.progress is None:
            return
        self.progress.set(status.progress)
        if self.told != (told := (key.attempt, int(4 * status.progress))):
            self.told = told
            self.logger.info("attempt %s: %.0f %% done", key.attempt, 100 * status.progress)
