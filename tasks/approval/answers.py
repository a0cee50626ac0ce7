"""The question and its one answer, kept with the run.

Whoever answers first has answered, by whichever way; a run that goes on after a crash finds the
answer there, or asks again with what is left of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from blocks.contracts import Frozen, NotFound, ObjectStore
from tasks.audit.entries import Act, Deed
from tasks.audit.log import AuditLog
from tasks.memory import recall, remember


class NotApproved(Exception):
    """Somebody said no, or nobody said yes in time. The version stays registered."""


class Answer(Frozen):
    """What was said, by whom, and why."""

    approved: bool
    by: str
    why: str = ""
    at: datetime


class Question(Frozen):
    """Since when a run waits, and for what."""

    run: str
    model: str
    version: str
    at: datetime


class Approvals:
    """Questions and answers of all runs of a platform."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def ask(self, question: Question) -> Question:
        """Keep the question; return the first one of its run."""
        uri = self._uri(question.run, "question")
        return remember(self._store, uri, Question, lambda: question)

    def answer(self, run: str, answer: Answer) -> Answer:
        """Keep the answer; return the one that was first. Raises NotFound for no such question."""
        asked = recall(self._store, self._uri(run, "question"), Question)
        if asked is None:
            open_ = ", ".join(each.run for each in self.waiting()) or "none"
            raise NotFound(f"run {run!r} has asked nothing; waiting: {open_}", code="APPROVAL")
        kept = remember(self._store, self._uri(run, "answer"), Answer, lambda: answer)
        self.account_for(asked, kept)
        return kept

    def account_for(self, asked: Question, answer: Answer) -> None:
        """See that the answer is in the audit log; once, however often this is called."""
        said = "may" if answer.approved else "may not"
        deed = Deed(
            id=f"approval/{asked.run}",
            act=Act.APPROVAL,
            subject=asked.model,
            what=f"version {asked.version} {said} have traffic",
            who=answer.by,
            why=answer.why,
            run=asked.run,
            at=answer.at,
        )
        AuditLog(self._store).once(deed)

    def answered(self, run: str) -> Answer | None:
        """Return the answer, or None if there is none yet."""
        return recall(self._store, self._uri(run, "answer"), Answer)

    def waiting(self) -> Sequence[Question]:
        """Return the questions without an answer, oldest first."""
        found = []
        for each in self._store.walk(f"{self._store.root}/approvals"):
            if each.uri.endswith("/question.json"):
                question = recall(self._store, each.uri, Question)
                if question is not None and self.answered(question.run) is None:
                    found.append(question)
        return sorted(found, key=lambda question: question.at)

    def _uri(self, run: str, name: str) -> str:
        return f"{self._store.root}/approvals/{run}/{name}.json"
