"""What people read of a rollout when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from blocks.contracts import ModelVersion
from tasks.rollout.journal import Entry, Event
from tasks.rollout.report import RolloutReport, to_report

MODEL = ModelVersion(name="flights", version="2", uri="file:///m", digest="d")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def report() -> RolloutReport:
    events = (
        (Event.BEGUN, None, ""),
        (Event.STEP, 5, ""),
        (Event.STEP, 50, "go on: errors: ratio 1.01 | as before"),
        (Event.FINISHED, None, ""),
    )
    entries = [
        Entry(
            number=number,
            at=BEGAN + timedelta(seconds=10 * number),
            run="r",
            by="me",
            event=event,
            percent=percent,
            why=why,
        )
        for number, (event, percent, why) in enumerate(events)
    ]
    return to_report(entries, url="http://127.0.0.1", model=MODEL)


def test_reasons_stand_below_a_narrow_table(report: RolloutReport) -> None:
    page = report.markdown()
    assert "| after | event | green |" in page
    assert "| 20 s | step | 50 % |" in page
    assert "- after 20 s, **step** 50 %: go on: errors: ratio 1.01 | as before" in page
    assert page.count("- after") == 1


def test_a_rollout_without_a_reason_has_its_table_alone(report: RolloutReport) -> None:
    silent = report.model_copy(
        update={"journal": tuple(each for each in report.journal if not each.why)}
    )
    assert "- after" not in silent.markdown()
    assert "| 10 s | step | 5 % |" in silent.markdown()
