"""An emulated account is a process of its own, and leaves none behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil

from blocks.providers.aws.emulator import launch
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import until
from tests.unit.aws.emulator.callers import algorithm, client, job


def test_an_account_in_a_process_of_its_own_ends_with_its_containers(tmp_path: Path) -> None:
    """Without the preloaded parent, as a rehearsal starts it."""
    forever = algorithm(ContainerArguments=["import time; time.sleep(600)"])
    with launch.account(tmp_path / "aws", region="eu-west-1") as account:
        assert account.region == "eu-west-1"
        sagemaker = client(account, "sagemaker")
        sagemaker.create_training_job(**job(AlgorithmSpecification=forever))
        until(account.running)
        folder = Path(account.running()[0]["folder"])
        assert folder.is_relative_to(tmp_path)
        pid = account.running()[0]["pid"]
    until(lambda: not Path(f"/proc/{pid}").exists())


CALLER = """
import sys, time
from pathlib import Path
from blocks.providers.aws.emulator import launch
with launch.account(Path(sys.argv[1])) as account:
    print(account.url, flush=True)
    time.sleep(600)
"""


def test_whoever_rehearses_and_is_killed_leaves_no_account_and_no_container(
    tmp_path: Path,
) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-c", CALLER, str(tmp_path)],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert caller.stdout is not None
    assert caller.stdout.readline().startswith("http")
    account = Account(tmp_path, **json.loads((tmp_path / "emulator.json").read_text()))
    forever = algorithm(ContainerArguments=["import time; time.sleep(600)"])
    client(account, "sagemaker").create_training_job(**job(AlgorithmSpecification=forever))
    until(account.running)
    pids = [account.pid, account.running()[0]["pid"]]
    caller.kill()
    caller.communicate()
    until(lambda: not any(map(psutil.pid_exists, pids)))
