"""What a collector of logs reads: one JSON object a line, with what the line is about as fields."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.log_fields import about, fields

ROOT = Path(__file__).parents[2]

WORK = """
import logging
import {first}
import {second}
from tasks import showing
from tasks.log_fields import about
with about(run="r-1", step="train"):
    with about(attempt=2, provider="aws", job="job-7"):
        showing.logger().info("attempt %s", 2)
    try:
        1 / 0
    except ZeroDivisionError:
        logging.getLogger("prefect.flow_runs").exception("it failed\\nbadly")
logging.getLogger("somebody.else").info("of no interest")
"""


def said(place: str, first: str = "flows", second: str = "prefect") -> tuple[str, str]:
    """Return what a process that logs writes to its two streams."""
    done = subprocess.run(
        [sys.executable, "-c", WORK.format(first=first, second=second)],
        cwd=ROOT,
        env={**os.environ, "BLUEWATER_LOG_JSON": place, "PREFECT_LOGGING_TO_API_ENABLED": "false"},
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout, done.stderr


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(("first", "second"), [("flows", "prefect"), ("prefect", "flows")])
def test_each_line_is_an_object_that_says_what_it_is_about(
    tmp_path: Path, first: str, second: str
) -> None:
    said(str(tmp_path / "log"), first, second)
    lines = {line["message"]: line for line in objects((tmp_path / "log").read_text())}
    line = lines["attempt 2"]
    told = {name: line[name] for name in ("run", "step", "attempt", "provider", "job", "level")}
    assert told == {
        "run": "r-1",
        "step": "train",
        "attempt": 2,
        "provider": "aws",
        "job": "job-7",
        "level": "INFO",
    }
    assert line["timestamp"].endswith("+00:00")
    failed = lines["it failed\nbadly"]
    assert "ZeroDivisionError" in failed["exc_info"]
    assert failed["run"] == "r-1"
    assert "attempt" not in failed
    assert "of no interest" not in lines


def test_on_standard_error_nothing_but_json_is_written() -> None:
    out, errors = said("-")
    assert out == ""
    assert {line["message"] for line in objects(errors)} == {"attempt 2", "it failed\nbadly"}


def test_without_a_place_no_json_is_written() -> None:
    _, errors = said("")
    assert "attempt" not in errors
    assert "it failed" in errors
    assert "{" not in errors


def test_a_file_is_appended_to(tmp_path: Path) -> None:
    for _ in range(2):
        said(str(tmp_path / "log"))
    lines = objects((tmp_path / "log").read_text())
    assert [line["message"] for line in lines] == ["attempt 2", "it failed\nbadly"] * 2


def test_fields_hold_within_their_block_alone() -> None:
    with about(run="r"), about(step="train", attempt=1):
        assert dict(fields()) == {"run": "r", "step": "train", "attempt": 1}
    assert dict(fields()) == {}
