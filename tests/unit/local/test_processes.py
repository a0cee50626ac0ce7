"""Processes of this machine that carry our mark."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from blocks.providers.aws.account import AwsAccount
from blocks.providers.local import processes
from blocks.testing.waiting import until

TELLS = "from blocks.providers.aws.account import AwsAccount; print(AwsAccount().owner, flush=True)"


@pytest.mark.parametrize("owner", ["", "team-a"])
def test_a_process_of_this_machine_has_the_owner_that_clouds_know_us_by(
    owner: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUEWATER_OWNER", owner)
    log = tmp_path / "log"
    processes.spawn(
        [sys.executable, "-c", TELLS], owner="workspace", resource="service/worker", log=log
    )
    until(lambda: log.read_text().endswith("\n"))
    assert log.read_text().strip() == AwsAccount().owner
