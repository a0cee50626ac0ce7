"""A release is played against each provider that can be played, under load and faults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blocks import registry
from blocks.contracts import ProcessingJobs
from blocks.providers.aws.rehearsal import BUCKET
from deployments.aws import ec2_policy, lambda_policy
from deployments.aws.policy import Place, caller_policy, document
from deployments.azure import role as azure_role
from deployments.databricks.grants import Place as Principal
from deployments.databricks.grants import caller_grants
from deployments.gcp.roles import CALLER, RUN_CALLER, caller_role
from flows.exits import Exit
from tests.chains.clouds import CLOUDS
from tests.chains.command import run
from tests.chains.project import make_project

PLACE = Place(account="123456789012", region="us-east-1", bucket=BUCKET, role="bluewater-jobs")
ON_AWS = caller_policy(PLACE)["Statement"]
LACKING = document(
    [
        {
            "Effect": "Allow",
            "Action": ["s3:*", "secretsmanager:*", "pricing:*", "lambda:*"],
            "Resource": "*",
        }
    ]
)
_ML = "Microsoft.MachineLearningServices/workspaces"
ON_AZURE = (
    azure_role.caller_role(azure_role.Place(subscription="11111111", group="ml")),
    {
        "Actions": [f"{_ML}/environments/*", f"{_ML}/jobs/read"],
        "DataActions": ["Microsoft.Storage/*", "Microsoft.KeyVault/*"],
    },
)
NO_TRAINING = {"includedPermissions": ["storage.*", "secretmanager.*", "run.*"]}
POLICIES = {  # as they are shipped, and without what training takes
    "aws": (document(ON_AWS), LACKING),
    "aws-ec2": (document([*ON_AWS, *ec2_policy.caller_policy(PLACE)["Statement"]]), LACKING),
    "aws-lambda": (document([*ON_AWS, *lambda_policy.caller_policy(PLACE)["Statement"]]), LACKING),
    "azure": ON_AZURE,
    "azure-kubernetes": ON_AZURE,
    "gcp": (caller_role(), NO_TRAINING),
    "gcp-run": ({"includedPermissions": [*CALLER, *RUN_CALLER]}, NO_TRAINING),
    "databricks": (
        caller_grants(Principal(principal="flows")),
        {"grants": ["* VOLUME", "scope *"]},
    ),
}
FAULTS = ("lost-reply", "lost-request", "internal-error-after", "throttling", "stale-read")
WITHIN = 480  # seconds for two releases, on a machine that does much besides
PLAYED = [name for name in registry.PROVIDERS if registry.provider(name).rehearsal]
PLAYED_CLOUDS = [name for name in PLAYED if name in CLOUDS]


def machines(provider: str) -> list[str]:
    """Return the options by which a release runs on the machines of a provider."""
    changes = CLOUDS[provider].machines if provider in CLOUDS else ()
    return [word for change in changes for word in ("--set", change)]


def near_the_data(provider: str) -> list[str]:
    """Return the options by which data and models are looked at by jobs, where there are any."""
    if ProcessingJobs.capability not in registry.provider(provider).capabilities:
        return []
    machine = CLOUDS[provider].machine if provider in CLOUDS else "local.small"
    parts = ("validation", "evaluation")
    return [word for part in parts for word in ("--set", f"{part}.near={{machine: {machine}}}")]


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
        *(*machines(provider), *near_the_data(provider)),
        workspace=workspace,
        api=prefect_api,
        within=WITHIN,
    )
    report = json.loads(out[out.index("{") :])
    assert report["release"]["rollout"]["outcome"] == "live"
    assert report["release"]["validation"]["rows"] == 2000
    assert report["faults"] == {"spot-reclaim": 1}
    assert set(report["answers"]) == {"200"}
    assert report["removed"] > 0
    assert report["left"] == []


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("provider", PLAYED_CLOUDS)
def test_a_release_on_a_cloud_survives_its_faults_under_the_policy_that_is_shipped(
    provider: str, tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(POLICIES[provider][0]))
    known = registry.load(registry.provider(provider).rehearsal or "").faults
    faults = [each for each in FAULTS if each in known]
    out, _ = run(
        *("rehearse", str(make_project(tmp_path / "project")), "--provider", provider, "--json"),
        *("--permissions", str(policy), "--per-second", "10"),
        *(word for name in faults for word in ("--fault", name)),
        *machines(provider),
        workspace=workspace,
        api=prefect_api,
        within=WITHIN,
    )
    report = json.loads(out[out.index("{") :])
    assert report["release"]["rollout"]["outcome"] == "live"
    assert all(times > 0 for times in report["faults"].values()), report["faults"]
    called = {call["operation"] for call in report["calls"]}
    assert CLOUDS[provider].creates_a_job in called
    assert report["release"]["model"]["version"] == "2"
    assert len(report["release"]["training"]["attempts"]) == 1
    assert set(report["answers"]) == {"200"}
    assert report["left"] == []


@pytest.mark.slow
@pytest.mark.parametrize("provider", PLAYED_CLOUDS)
def test_what_a_policy_lacks_ends_the_release_with_the_permission_that_is_missing(
    provider: str, tmp_path: Path, workspace: Path, prefect_api: str
) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(POLICIES[provider][1]))
    _, errors = run(
        *("rehearse", str(make_project(tmp_path / "project")), "--provider", provider),
        *("--permissions", str(policy)),
        *machines(provider),
        workspace=workspace,
        api=prefect_api,
        code=Exit.PROVIDER,
    )
    assert CLOUDS[provider].permission in errors


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
