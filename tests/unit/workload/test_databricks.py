"""The first program of a run on Databricks, with nothing but the kit that it is shipped in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from blocks.cloud.kit import packed
from blocks.workload.databricks import Lines, Plan, hidden_words, plan_of

HOME = "dbfs:///Volumes/main/s/v"
START = """
import builtins, os, sys
builtins.session = "a session"
sys.path.insert(0, sys.argv[1])
os.environ["PYTHONPATH"] = sys.argv[1]
from blocks.workload.databricks import main
main(sys.argv[2:], os.environ)
"""
TRAIN = """
import os, sys
from blocks.workload import Job
print("key is", os.environ["API_KEY"])
print(os.getcwd() != sys.argv[1], sys.argv[2])
raise SystemExit(int(os.environ["STATUS"]))
"""
IN_THE_SESSION = """
import sys
print(session)
print(__name__, sys.argv[2])
"""
COPIES = """
import os, shutil
from pathlib import Path
shutil.copy(os.environ["BLUEWATER_IN_ROWS"], Path(os.environ["BLUEWATER_OUT_FOUND"]) / "copy.txt")
"""


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    place = tmp_path / "mount" / "main" / "s" / "v"
    (place / "code").mkdir(parents=True)
    (place / "code" / "train.py").write_text(TRAIN)
    (tmp_path / "kit.zip").write_bytes(packed())
    return tmp_path


def run(volumes: Path, status: int, *first: str, **env: str) -> tuple[int, str]:
    """Run a plan as a cluster does that knows nothing of us; return status and output."""
    program = ("python",) if first else ()
    plan = Plan(
        command=("python", *first, *program, "train.py", "code", "two words $HOME"),
        source_uri=f"{HOME}/code",
        log_uri=f"{HOME}/log",
        env={"STATUS": str(status), "BLUEWATER_SECRETS": "API_KEY", **env},
    )
    (volumes / "mount/main/s/v/plan.json").write_bytes(plan.to_json())
    (volumes / "start.py").write_text(START)
    done = subprocess.run(
        [sys.executable, "start.py", str(volumes / "kit.zip"), "/Volumes/main/s/v/plan.json"],
        cwd=volumes,
        env={
            "PATH": os.environ["PATH"],
            "BLUEWATER_VOLUMES": str(volumes / "mount"),
            "API_KEY": "sesame",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def carried(volumes: Path) -> list[tuple[float, str]]:
    """Return the lines of all files, and when each was told: slow programs fill several."""
    files = sorted((volumes / "mount/main/s/v/log").iterdir())
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


@pytest.mark.parametrize("status", [0, 7])
def test_it_ends_as_the_command_does_and_carries_its_lines_away(volumes: Path, status: int) -> None:
    ended, printed = run(volumes, status)
    assert ended == status
    assert printed.splitlines() == ["key is ***", "True two words $HOME"]
    lines = carried(volumes)
    assert [text for _, text in lines] == printed.splitlines()
    assert lines[0][0] < lines[1][0]


@pytest.mark.parametrize("status", [0, 7])
def test_a_spark_program_runs_in_the_process_that_has_the_session(
    volumes: Path, status: int
) -> None:
    """It has its own arguments, code and folder, as a process would."""
    (volumes / "mount/main/s/v/code/train.py").write_text(IN_THE_SESSION + TRAIN)
    ended, printed = run(volumes, status, BLUEWATER_SPARK="yes")
    assert ended == status
    told = ["a session", "__main__ two words $HOME", "key is ***", "True two words $HOME"]
    assert printed.splitlines() == told
    assert [text for _, text in carried(volumes)] == told


def test_a_spark_program_that_breaks_fails_with_its_last_words(volumes: Path) -> None:
    broken = "print('no end of line', end='')\nraise ValueError('upside down')"
    (volumes / "mount/main/s/v/code/train.py").write_text(broken)
    ended, printed = run(volumes, 0, BLUEWATER_SPARK="yes")
    assert ended == 1
    assert printed.splitlines()[-1] == "no end of line"
    assert "ValueError: upside down" in printed


@pytest.mark.parametrize("spark", ["", "yes"])
def test_a_command_with_places_brings_its_outputs_to_them(volumes: Path, spark: str) -> None:
    home = volumes / "mount" / "main" / "s" / "v"
    (home / "in.txt").write_text("rows")
    (home / "code" / "train.py").write_text(COPIES)
    places = {"BLUEWATER_IN_ROWS": f"{HOME}/in.txt", "BLUEWATER_OUT_FOUND": f"{HOME}/found"}
    notes = {"BLUEWATER_OUTPUT": f"{HOME}/notes", "BLUEWATER_TOKEN": "token"}
    ended, printed = run(
        volumes, 0, "-m", "blocks.workload.process", BLUEWATER_SPARK=spark, **places, **notes
    )
    assert (ended, printed) == (0, "")
    assert (home / "found" / "copy.txt").read_text() == "rows"
    assert len(list((home / "notes").iterdir())) == 1


def test_a_plan_comes_back_as_it_was() -> None:
    plan = Plan(command=("a", "b"), source_uri="s", log_uri="l", env={"X": 'a "b"\n$Y ü'})
    assert plan_of(plan.to_json()) == plan


def test_every_line_of_a_secret_is_hidden() -> None:
    told = {"BLUEWATER_SECRETS": "KEY,GONE"}
    assert hidden_words(told, {"KEY": "one\n\ntwo", "OTHER": "three"}) == ["one", "two"]


def test_no_two_lines_are_of_one_moment(tmp_path: Path) -> None:
    lines = Lines(tmp_path / "log")
    for number in range(1000):
        lines.add(str(number))
    lines.close()
    found = [
        json.loads(line)
        for file in sorted((tmp_path / "log").iterdir())
        for line in file.read_text().splitlines()
    ]
    assert [text for _, text in found] == [str(number) for number in range(1000)]
    moments = [at for at, _ in found]
    assert moments == sorted(set(moments))
