"""``bluewater approve``: let a version that waits have traffic, or not."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime

from blocks.contracts import NotFound, ObjectStore
from flows.exits import Exit
from flows.session import platform
from flows.terminal import exits, show
from tasks.approval.answers import Answer, Approvals


@exits((NotFound, Exit.USAGE))
def run(*, run: str | None, no: bool, why: str, platform_name: str | None, as_json: bool) -> Exit:
    """Answer for RUN; without one, list the runs that wait.

    Ends with 8 if somebody else had answered otherwise before.
    """
    approvals = Approvals(platform(platform_name).connect(ObjectStore))
    if run is None:
        rows = [question.model_dump(mode="json") for question in approvals.waiting()]
        show(rows, title="Waiting for a yes" if rows else "Nothing waits", as_json=as_json)
        return Exit.OK
    said = Answer(approved=not no, by=getpass.getuser(), why=why, at=datetime.now(UTC))
    answer = approvals.answer(run, said)
    show([answer.model_dump(mode="json")], title=f"Answer for {run}", as_json=as_json)
    return Exit.OK if answer.approved is not no else Exit.BUSY
