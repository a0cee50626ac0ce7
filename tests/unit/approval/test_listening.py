"""An answer that is given elsewhere is heard, whatever is away for a while."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from blocks.contracts import Unavailable
from blocks.testing.memory_store import MemoryStore
from blocks.testing.waiting import until
from tasks.approval.answers import Answer, Approvals, Question
from tasks.approval.listening import listening
from tasks.approval.spec import ApprovalSpec

SOON = 0.01


class Unsteady(MemoryStore):
    """Every other look meets a fault that passes, once it is told to."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.turns, self.steady = count(), True

    def _read(self, uri: str) -> bytes:
        if not self.steady and next(self.turns) % 2 == 0:
            raise Unavailable("the store is away")
        return super()._read(uri)


@pytest.fixture
def store() -> Unsteady:
    return Unsteady(f"approvals-{datetime.now(UTC).timestamp()}")


def asked(approvals: Approvals, *, ago: timedelta = timedelta(0)) -> Question:
    return approvals.ask(Question(run="r", model="m", version="2", at=datetime.now(UTC) - ago))


def test_an_answer_is_heard_although_the_store_was_away(store: Unsteady) -> None:
    approvals, heard = Approvals(store), list[Answer]()
    question, yes = asked(approvals), Answer(approved=True, by="ann", at=datetime.now(UTC))
    store.steady = False

    def wake(answer: Answer) -> bool:
        heard.append(answer)
        return len(heard) == 2  # at first the run was not asleep yet

    with listening(approvals, ApprovalSpec(), question, wake, every=SOON):
        until(lambda: next(store.turns) > 4)
        assert heard == []
        store.steady = True
        approvals.answer("r", yes)
        until(lambda: len(heard) == 2)
    assert heard == [yes, yes]


def test_silence_is_an_answer_once_the_time_is_over(store: Unsteady) -> None:
    approvals, heard = Approvals(store), list[Answer]()
    question = asked(approvals, ago=timedelta(hours=2))
    spec = ApprovalSpec(within=timedelta(hours=1), on_silence="approve")

    def wake(answer: Answer) -> bool:
        heard.append(answer)
        return True

    with listening(approvals, spec, question, wake, every=SOON):
        until(lambda: heard)
    assert (heard[0].approved, heard[0].by) == (True, "the specification")
    assert approvals.answered("r") == heard[0]
