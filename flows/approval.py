"""Pause a flow run until somebody says yes: in Prefect's UI, over its API, or by ``approve``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast
from uuid import UUID

import httpx
from prefect.context import FlowRunContext
from prefect.exceptions import NotPausedError
from prefect.flow_runs import pause_flow_run, resume_flow_run
from prefect.input import RunInput
from pydantic import Field

from blocks.contracts import InvalidRequest, ModelVersion, ObjectStore
from tasks import showing
from tasks.approval.answers import Answer, Approvals, NotApproved, Question
from tasks.approval.listening import LOOK_EVERY, listening
from tasks.approval.spec import ApprovalSpec

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
    with listening(approvals, spec, asked, partial(_woken, context.flow_run.id)):
        said: Any = pause_flow_run(
            wait_for_input=form,
            timeout=int(left.total_seconds()),
            poll_interval=int(LOOK_EVERY),
            key=f"approval-{asked.run}",
        )
    told = cast(Decision, said)
    now, by = datetime.now(UTC), told.by or "the Prefect UI"
    answer = Answer(approved=told.approve, by=by, why=told.why, at=now)
    return approvals.answer(asked.run, answer)


def _woken(flow_run: UUID, answer: Answer) -> bool:
    told = {"approve": answer.approved, "by": answer.by, "why": answer.why}
    try:
        resume_flow_run(flow_run, run_input=told)
    except (NotPausedError, httpx.HTTPError):
        return False  # not yet, or the server is away for a while
    return True
