"""A model of a quantity on real data, from data to an endpoint, and a better one after it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import pandas as pd
import pytest

from examples.delays import prepare
from tests.chains.command import run_json

EXAMPLE = Path(prepare.__file__).parent
QUICK = {
    "rollout.shadow": "null",
    "rollout.steps": "[50, 100]",
    "rollout.step_duration": "PT1S",
    "rollout.step_requests": "1",
    "rollout.patience": "PT2S",
    "rollout.on_little_traffic": "go_on",
    "rollout.look_every": "PT0.5S",
    "rollout.bake": "PT1S",
    "evaluation.latency": "{requests: 20}",
}


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_minutes_of_delay_are_released_and_a_better_model_takes_over(
    tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    project = tmp_path / "delays"
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("data"))
    prepare.prepare_delays(project / "data")
    for name in ("train", "holdout"):
        file = project / "data" / f"{name}.parquet"
        pd.read_parquet(file).iloc[::5].to_parquet(file, index=False)
    changes = [word for each in QUICK.items() for word in ("--set", "=".join(each))]
    asked = (str(project / "release.yaml"), *changes)
    world = {"workspace": workspace, "api": prefect_api, "within": 1200}
    first = run_json("release", *asked, *rounds(5), **world)  # type: ignore[arg-type]
    assert first["rollout"]["outcome"] == "live"
    second = run_json("release", *asked, *rounds(40), **world)  # type: ignore[arg-type]
    assert second["rollout"]["outcome"] == "live"
    assert second["model"]["version"] == "2"
    shown = second["model"]["metrics"]
    assert 15 < shown["holdout_mae"] < 30  # minutes
    assert shown["holdout_mae"] < first["model"]["metrics"]["holdout_mae"]
    found = second["evaluation"]
    assert (found["metric"], found["champion"]) == ("absolute_error", "1")
    assert {gate["answer"] for gate in found["overall"]} == {"pass"}

    request = json.loads((project / "request.json").read_text())
    answer = httpx.post(f"{second['rollout']['url']}/invocations", json=request, timeout=30)
    (minutes,) = answer.raise_for_status().json()["predictions"]
    assert -60 < minutes < 300


def rounds(count: int) -> tuple[str, str]:
    return "--set", f"training.parameters={{rounds: '{count}'}}"
