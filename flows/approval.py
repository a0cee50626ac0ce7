"""Pause a flow run until somebody says yes: in Prefect's UI, over its API, or by ``approve``."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from prefect.context import FlowRunContext
from prefect.exceptions import NotPausedError
from prefect.flow_runs import pause_flow_run, resume_flow_run
from prefect.input import RunInput
from pydantic import Field

from blocks.contracts import InvalidRequest, ModelVersion, ObjectStore
from tasks import showing
from tasks.approval.answers import Answer, Approvals, NotApproved, Question
from tasks.approval.spec import ApprovalSpec

LOOK_EVERY = 5  # seconds
LATE = timedelta(hours=1)  # Prefect's own limit comes after ours: it would fail the run


class Decision(RunInput):
    """The form that the Prefect UI shows."""

    approve: bool = Field(
        default=False, description="Yes: the version gets traffic. No: it stays registered."
    )
    by: str = Field(default="", description="Who decides.")
    why: str = Field(default="", description="A reason that is kept with the run.")


def require_approval(
    store: ObjectStore, spec: ApprovalSpec, model: ModelVersion, evidence: str, *, run: str
) -> Answer:
    """Return the answer that lets a version go on; wait for it, showing the evidence.

    Raises NotApproved, and InvalidRequest outside a flow.
    """
    approvals, now = Approvals(store), datetime.now(UTC)
    asked = approvals.ask(Question(run=run, model=model.name, version=model.version, at=now))
    answer = approvals.answered(run)
    if answer is None:
        answer = _waited(approvals, spec, asked, evidence)
    approvals.account_for(asked, answer)
    if not answer.approved:
        why = f": {answer.why}" if answer.why else ""
        raise NotApproved(
            f"version {model.version} of {model.name} gets no traffic, says {answer.by}{why}"
        )
    showing.logger().info("approved by %s %s", answer.by, answer.why)
    return answer


def _waited(approvals: Approvals, spec: ApprovalSpec, asked: Question, evidence: str) -> Answer:
    """Pause the flow run; return what is said first, by whichever way, or by silence."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        raise InvalidRequest("an approval waits in a flow run; call this within a flow")
    until, form = asked.at + spec.within, Decision.with_initial_data(description=evidence)
    left = max(until - datetime.now(UTC), timedelta(0)) + LATE
    with _listening(approvals, spec, asked, context.flow_run.id):
        said: Any = pause_flow_run(
            wait_for_input=form,
            timeout=int(left.total_seconds()),
            poll_interval=LOOK_EVERY,
            key=f"approval-{asked.run}",
        )
    told = cast(Decision, said)
    now, by = datetime.now(UTC), told.by or "the Prefect UI"
    answer = Answer(approved=told.approve, by=by, why=told.why, at=now)
    return approvals.answer(asked.run, answer)


@contextmanager
def _listening(
    approvals: Approvals, spec: ApprovalSpec, asked: Question, flow_run: UUID
) -> Iterator[None]:
    """Wake the paused run up when an answer is kept elsewhere, or when the time is over."""
    stop = threading.Event()

    def listen() -> None:
        while not stop.wait(LOOK_EVERY):
            answer = approvals.answered(asked.run)
            if answer is None and datetime.now(UTC) >= asked.at + spec.within:
                answer = approvals.answer(asked.run, _silence(spec))
            if answer is not None and _woken(flow_run, answer):
                return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _woken(flow_run: UUID, answer: Answer) -> bool:
    told = {"approve": answer.approved, "by": answer.by, "why": answer.why}
    try:
        resume_flow_run(flow_run, run_input=told)
    except NotPausedError:
        return False  # not yet
    return True


def _silence(spec: ApprovalSpec) -> Answer:
    return Answer(
        approved=spec.on_silence == "approve",
        by="the specification",
        why=f"nobody answered within {spec.within}",
        at=datetime.now(UTC),
    )
