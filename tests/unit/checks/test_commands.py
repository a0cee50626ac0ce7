"""``bluewater profile`` and ``bluewater accept``, from data to a suite that people have read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.cli import bluewater
from flows.exits import Exit
from tests.unit.checks.weeks import week, weeks

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line here; it returns code and output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BLUEWATER_HOME", str(tmp_path / "workspace"))
    weeks(8).to_parquet("first.parquet", index=False)
    week(8).to_parquet("next.parquet", index=False)
    strange = week(9).assign(city=lambda f: f["city"].where(f.index > 5, "nowhere"))
    strange.assign(currency="EUR").to_parquet("strange.parquet", index=False)

    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            bluewater.main(list(words), standalone_mode=False)
        return int(str(ended.value.code)), "".join(capsys.readouterr())

    return run


def test_from_a_profile_to_an_accepted_batch(run: Run) -> None:
    code, told = run("profile", "first.parquet", "--batch", "week", "--json")
    assert code == Exit.OK
    assert {
        "column": "currency",
        "severity": "error",
        "evidence": "constant: it was 'USD' in all batches",
    } in json.loads(told)
    before = Path("suite.json").read_bytes()
    assert run("accept", "next.parquet")[0] == Exit.OK
    code, told = run("accept", "strange.parquet", "--json")
    assert code == Exit.DATA
    assert [row["severity"] for row in json.loads(told) if row["column"] == "currency"] == ["error"]
    assert Path("suite.json").read_bytes() == before
    assert run("accept", "strange.parquet", "--yes")[0] == Exit.OK
    assert run("accept", "strange.parquet")[0] == Exit.OK


def test_a_column_that_is_gone_is_told_and_may_be_accepted(run: Run) -> None:
    run("profile", "first.parquet", "--batch", "week")
    week(8).drop(columns="score").to_parquet("less.parquet", index=False)
    code, told = run("accept", "less.parquet")
    assert code == Exit.USAGE
    assert "score" in told
    assert run("accept", "less.parquet", "--yes")[0] == Exit.OK
    assert run("accept", "less.parquet")[0] == Exit.OK


def test_a_suite_that_people_have_read_is_not_written_over(run: Run) -> None:
    Path("suite.json").write_text("read by people")
    code, told = run("profile", "first.parquet", "--batch", "week")
    assert code == Exit.USAGE
    assert "bluewater accept" in told
    assert Path("suite.json").read_text() == "read by people"


def test_a_profile_that_is_not_there_is_told_with_its_remedy(run: Run) -> None:
    code, told = run("accept", "next.parquet")
    assert code == Exit.USAGE
    assert "bluewater profile" in told
