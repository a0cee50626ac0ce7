"""Hearing the answer that is given elsewhere, or that silence gives, while a run waits for it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from blocks.contracts import ProviderError
from tasks.approval.answers import Answer, Approvals, Question
from tasks.approval.spec import ApprovalSpec

LOOK_EVERY = 5.0  # seconds
log = logging.getLogger(__name__)


@contextmanager
def listening(
    approvals: Approvals,
    spec: ApprovalSpec,
    asked: Question,
    wake: Callable[[Answer], bool],
    *,
    every: float = LOOK_EVERY,
) -> Iterator[None]:
    """Give the answer to ``wake`` as soon as there is one, until that says that it was heard.

    A run may wait for days, so a store that is away for a while is asked again.
    """
    stop = threading.Event()

    def listen() -> None:
        away = False
        while not stop.wait(every):
            try:
                answer = _given(approvals, spec, asked)
            except ProviderError as error:
                if not away:
                    log.warning("whether %s was answered is not known now: %s", asked.run, error)
                away = True
                continue
            away = False
            if answer is not None and wake(answer):
                return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _given(approvals: Approvals, spec: ApprovalSpec, asked: Question) -> Answer | None:
    answer = approvals.answered(asked.run)
    if answer is None and datetime.now(UTC) >= asked.at + spec.within:
        return approvals.answer(asked.run, _silence(spec))
    return answer


def _silence(spec: ApprovalSpec) -> Answer:
    return Answer(
        approved=spec.on_silence == "approve",
        by="the specification",
        why=f"nobody answered within {spec.within}",
        at=datetime.now(UTC),
    )
