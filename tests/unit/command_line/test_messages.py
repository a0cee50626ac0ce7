"""What people are told when something is wrong: all of it, once, and no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from flows.cli import bluewater
from flows.exits import Exit
from flows.terminal import say_error, show
from tests.chains.project import make_project

ROOT = Path(__file__).parents[3]
Run = Callable[..., tuple[int, str]]

LOGGED = """
import logging, prefect.main, flows.console
flows.console.tell_errors_once()
runs = {"flow_run_name": "release", "task_run_name": "train", "flow_name": "release"}
flow = logging.LoggerAdapter(logging.getLogger("prefect.flow_runs"), runs)
task = logging.LoggerAdapter(logging.getLogger("prefect.task_runs"), runs)
task.error("Task run failed with exception: %r", ValueError("x"), exc_info=ValueError("x"))
task.error("Finished in state Failed('x')")
flow.error("Encountered exception during execution: x", exc_info=ValueError("x"))
flow.error("what a stage says itself")
flow.warning("on with it")
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line here; it returns code and output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BLUEWATER_HOME", str(tmp_path / "workspace"))

    def run(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            bluewater.main(list(words), standalone_mode=False)
        return int(str(ended.value.code)), " ".join("".join(capsys.readouterr()).split())

    return run


@pytest.mark.parametrize(
    "text", ["pip install 'bluewater[aws]'", "use one of [a, b]", "it is [/x]"]
)
def test_brackets_in_a_message_are_printed_as_they_are(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    say_error(ValueError(text), Exit.USAGE)
    show([{"remedy [s]": text}], title="[of] a table", as_json=False)
    out, err = capsys.readouterr()
    assert text in err
    assert text in out
    assert "remedy [s]" in out
    assert "[of] a table" in out


def test_what_is_too_long_for_a_table_goes_on_in_the_next_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show([{"what": "x" * 500, "why": "y"}], title="Long", as_json=False)
    assert capsys.readouterr().out.count("x") == 500


def test_a_column_in_which_nothing_stands_takes_no_room(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"what": "a", "why": "", "times": 0}, {"what": "b", "why": "", "times": 1}]
    show(rows, title="Short", as_json=False)
    show(rows, title="Short", as_json=True)
    table, _, said = capsys.readouterr().out.partition("[")
    assert ("why" in table, "times" in table) == (False, True)
    assert "why" in said


def test_the_error_that_ends_a_run_is_not_told_by_prefects_console_too() -> None:
    command = [sys.executable, "-c", LOGGED]
    told = {"PREFECT_LOGGING_TO_API_ENABLED": "false", "BLUEWATER_TRACEBACK": ""}
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **told}, capture_output=True, text=True, check=True
    )
    said = done.stdout + done.stderr
    assert "ValueError" not in said
    assert "Failed" not in said
    assert "what a stage says itself" in said
    assert "on with it" in said


def test_a_workspace_that_cannot_be_written_is_told_with_its_variable(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("BLUEWATER_HOME", str(tmp_path / "file" / "workspace"))
    for words in (("release", "release.yaml"), ("status",)):
        code, told = run(*words)
        assert code == Exit.PROVIDER
        assert str(tmp_path / "file" / "workspace") in told
        assert "BLUEWATER_HOME" in told


def test_a_platform_file_is_refused_by_field(run: Run, tmp_path: Path) -> None:
    specification = str(make_project(tmp_path / "project"))
    file = tmp_path / "platform.yaml"
    for content, said in {
        "training: 3\nname: x": "training = 3",
        "training: local-training": "name = (nothing)",
        "- a list": "holds no mapping",
        "name: [": "is not YAML",
    }.items():
        file.write_text(content)
        code, told = run("plan", specification, "--platform", str(file))
        assert (code, said in told) == (Exit.USAGE, True), told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--topic", "lake"), "arn:aws:sns"),
        (("--topic", "arn:aws:sqs:eu-west-1:123456789012:lake"), "is no topic"),
        (("--push", "a@b", "https://c", "--secret-alone"), "choose"),
    ],
)
def test_a_receiver_is_told_nothing_that_it_could_never_believe(
    words: tuple[str, ...], said: str
) -> None:
    with pytest.raises(click.UsageError, match=said):
        bluewater.main(["up", *words], standalone_mode=False)


def test_a_change_that_is_no_yaml_and_a_key_that_comes_twice_are_refused(
    run: Run, tmp_path: Path
) -> None:
    file = make_project(tmp_path / "project")
    code, told = run("plan", str(file), "--set", "rollout.steps=[1, ")
    assert code == Exit.USAGE
    assert "rollout.steps=[1, " in told
    file.write_text(file.read_text() + "\nname: another\n")
    code, told = run("plan", str(file))
    assert code == Exit.USAGE
    assert "'name' comes twice" in told
