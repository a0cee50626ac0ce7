"""A release is played against each provider that can be played, under load and faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blocks import registry
from blocks.providers.aws.rehearsal import BUCKET
from deployments.aws.policy import Place, caller_policy
from flows.exits import Exit
from tests.chains.command import run
from tests.chains.project import make_project

PLAYED = [name for name in registry.PROVIDERS if registry.provider(name).rehearsal]
MACHINES: dict[str, tuple[str, ...]] = {
    "local": (),
    "aws": ("training.machine=ml.m5.large", "rollout.machine=ml.m5.large"),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("provider", PLAYED)
def test_a_rehearsal_releases_under_load_and_leaves_nothing(
    provider: str, tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    out, _ = run(
        *("rehearse", str(make_project(tmp_path / "project"))),
        *("--provider", provider, "--fault", "spot-reclaim", "--per-second", "10"),
        *("--set", "training.spot={interruptions_per_hour: 1, expected_hours: 0.01}"),
        *("--set", 'training.parameters={slope: "0.5", pause: "0.3"}', "--json"),
        *(word for change in MACHINES[provider] for word in ("--set", change)),
        workspace=workspace,
        api=prefect_api,
    )
    report = json.loads(out[out.index("{") :])
    assert report["release"]["rollout"]["outcome"] == "live"
    assert report["faults"] == {"spot-reclaim": 1}
    assert set(report["answers"]) == {"200"}
    assert report["removed"] > 0
    assert report["left"] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_release_on_aws_survives_its_faults_under_the_policy_that_is_shipped(
    tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    place = Place(account="123456789012", region="us-east-1", bucket=BUCKET, role="bluewater-jobs")
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(caller_policy(place)))
    faults = ("lost-reply", "lost-request", "internal-error-after", "throttling", "stale-read")
    out, _ = run(
        *("rehearse", str(make_project(tmp_path / "project")), "--provider", "aws", "--json"),
        *("--permissions", str(policy), "--per-second", "10"),
        *(word for name in faults for word in ("--fault", name)),
        *(word for change in MACHINES["aws"] for word in ("--set", change)),
        workspace=workspace,
        api=prefect_api,
    )
    report = json.loads(out[out.index("{") :])
    assert report["release"]["rollout"]["outcome"] == "live"
    assert all(times > 0 for times in report["faults"].values()), report["faults"]
    created = [call for call in report["calls"] if call["operation"].endswith(":CreateTrainingJob")]
    assert created
    assert report["release"]["model"]["version"] == "2"
    assert len(report["release"]["training"]["attempts"]) == 1
    assert set(report["answers"]) == {"200"}
    assert report["left"] == []


@pytest.mark.slow
def test_what_a_policy_lacks_ends_the_release_with_the_permission_that_is_missing(
    tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    allow = {"Effect": "Allow", "Action": ["s3:*", "secretsmanager:*"], "Resource": "*"}
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    _, errors = run(
        *("rehearse", str(make_project(tmp_path / "project")), "--provider", "aws"),
        *("--permissions", str(policy)),
        *(word for change in MACHINES["aws"] for word in ("--set", change)),
        workspace=workspace,
        api=prefect_api,
        code=Exit.PROVIDER,
    )
    assert "sagemaker:CreateTrainingJob" in errors


def test_a_fault_that_is_not_there_is_told_with_those_that_are(
    tmp_path: Path, workspace: Path
) -> None:
    _, errors = run(
        *("rehearse", str(make_project(tmp_path / "project")), "--fault", "flood"),
        workspace=workspace,
        api="http://127.0.0.1:9/api",
        code=2,
    )
    assert "flood" in errors
    assert "spot-reclaim" in errors
