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

START = """
import os, sys
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


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    place = tmp_path / "mount" / "main" / "s" / "v"
    (place / "code").mkdir(parents=True)
    (place / "code" / "train.py").write_text(TRAIN)
    (tmp_path / "kit.zip").write_bytes(packed())
    return tmp_path


def run(volumes: Path, status: int) -> tuple[int, str]:
    """Run a plan as a cluster does that knows nothing of us; return status and output."""
    home = "dbfs:///Volumes/main/s/v"
    plan = Plan(
        command=("python", "train.py", "code", "two words $HOME"),
        source_uri=f"{home}/code",
        log_uri=f"{home}/log",
        env={"STATUS": str(status), "BLUEWATER_SECRETS": "API_KEY"},
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


@pytest.mark.parametrize("status", [0, 7])
def test_it_ends_as_the_command_does_and_carries_its_lines_away(volumes: Path, status: int) -> None:
    ended, printed = run(volumes, status)
    assert ended == status
    assert printed.splitlines() == ["key is ***", "True two words $HOME"]
    [file] = (volumes / "mount/main/s/v/log").iterdir()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [text for _, text in lines] == printed.splitlines()
    assert lines[0][0] < lines[1][0]


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
