"""What is asked of Azure for a request, and what is made of what Azure tells."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from blocks.contracts import InvalidRequest, Phase, TrainingRequest
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.history import Run, from_run_details
from blocks.providers.azure.training_calls import Notes, Options, from_job, to_command
from blocks.workload import Outcome

ROOT = "abfss://box@store.dfs.core.windows.net/bluewater"
REQUEST = TrainingRequest(
    image="registry/trainer:1",
    source_uri=f"{ROOT}/code",
    command=("python", "train.py", "two words", "$HOME"),
    parameters={"rounds": "7"},
    secrets={"API_KEY": "api-key"},
    machine="Standard_D4s_v3",
    data_uri=f"{ROOT}/data",
    checkpoint_uri=f"{ROOT}/checkpoints",
    output_uri=f"{ROOT}/a folder/output/",
    max_duration=timedelta(minutes=77),
)
OPTIONS = Options(image="", cluster="", experiment="bluewater")
NOW = datetime(2026, 11, 25, 20, tzinfo=UTC)


@pytest.fixture
def account() -> AzureAccount:
    return AzureAccount(
        storage_account="store",
        container="box",
        vault="safe",
        owner="ana",
        client_secret=SecretStr("word"),
    )


def asked(account: AzureAccount, options: Options = OPTIONS, **changes: Any) -> Any:
    return to_command(
        REQUEST.model_copy(update=changes), "0" * 32, account=account, options=options
    )


def test_the_command_goes_through_a_shell_unharmed(account: AzureAccount) -> None:
    line = asked(account).command
    assert line.endswith("blocks.workload.start python train.py 'two words' '$HOME'")
    assert 'BLUEWATER_OUTPUT="${{outputs.output}}"' in line


def test_what_azure_would_fill_in_is_refused(account: AzureAccount) -> None:
    with pytest.raises(InvalidRequest):
        asked(account, command=("echo", "${{inputs.data}}"))


def test_jobs_write_to_the_datastore_of_the_container(account: AzureAccount) -> None:
    job = asked(account)
    path = "azureml://datastores/workspaceblobstore/paths/bluewater"
    assert job.outputs["checkpoints"].path == f"{path}/checkpoints"
    assert job.outputs["output"].path == f"{path}/a%20folder/output/"
    assert job.outputs["output"].mode == "rw_mount"
    with pytest.raises(InvalidRequest, match="datastore"):
        asked(account, output_uri="abfss://other@store.dfs.core.windows.net/x")


def test_values_of_secrets_are_nowhere_and_their_names_are(account: AzureAccount) -> None:
    told = asked(account).environment_variables
    assert json.loads(told["BLUEWATER_SECRETS_FROM"]) == {"API_KEY": "api-key"}
    assert told["BLUEWATER_VAULT"] == "https://safe.vault.azure.net"


@pytest.mark.parametrize(("spot", "tier"), [(True, "Spot"), (False, "Standard")])
def test_spot_is_a_tier_of_the_queue(account: AzureAccount, spot: bool, tier: str) -> None:
    job = asked(account, spot=spot)
    assert job.queue_settings.job_tier.lower() == tier.lower()
    assert job.resources.instance_type == "Standard_D4s_v3"
    assert job.limits.timeout == 77 * 60


def test_a_cluster_takes_the_place_of_a_machine(account: AzureAccount) -> None:
    job = asked(account, Options(image="", cluster="cpu", experiment="bluewater"), nodes=2)
    assert job.compute == "cpu"
    assert job.resources.instance_count == 2
    assert job.distribution is not None


def job_of(status: str, *, timeout: int = 60) -> Any:
    return SimpleNamespace(
        status=status,
        tags={"bluewater-machine": "Standard_D4s_v3", "bluewater-spot": "yes"},
        limits=SimpleNamespace(timeout=timeout),
        resources=SimpleNamespace(instance_count=2),
    )


def run_of(code: str = "", *, seconds: float = 10.0) -> Run:
    ended = NOW + timedelta(seconds=seconds)
    return Run(began=NOW, ended=ended, code=code, message="words\nlog", logs=())


GOOD = Outcome(ok=True, model_uri="abfss://model", digest="d", metrics={"auc": 0.9})
BAD = Outcome(ok=False, code="ValueError", message="loss is NaN")


@pytest.mark.parametrize(
    ("status", "run", "notes", "outcome", "means"),
    [
        ("NotStarted", None, Notes(), None, (Phase.QUEUED, "")),
        ("Preparing", None, Notes(starts=1), None, (Phase.QUEUED, "")),
        ("Running", run_of(), Notes(starts=1), None, (Phase.RUNNING, "")),
        ("CancelRequested", run_of(), Notes(starts=1), None, (Phase.RUNNING, "")),
        ("NotResponding", run_of(), Notes(starts=1), None, (Phase.RUNNING, "")),
        ("Completed", run_of(), Notes(starts=1), GOOD, (Phase.SUCCEEDED, "")),
        ("Completed", run_of(), Notes(starts=1), None, (Phase.FAILED, "NO_OUTCOME")),
        ("Completed", run_of(), Notes(starts=1), BAD, (Phase.FAILED, "ValueError")),
        ("Failed", run_of("UserError"), Notes(starts=1), BAD, (Phase.FAILED, "ValueError")),
        ("Failed", run_of("UserError"), Notes(starts=1), None, (Phase.FAILED, "UserError")),
        (
            "Failed",
            run_of("ServiceError"),
            Notes(starts=1),
            None,
            (Phase.INTERRUPTED, "ServiceError"),
        ),
        ("Failed", run_of("ServiceError"), Notes(starts=1), GOOD, (Phase.SUCCEEDED, "")),
        ("Canceled", run_of(), Notes(starts=1), None, (Phase.CANCELLED, "CANCELLED")),
        ("Canceled", run_of(seconds=61), Notes(starts=1), None, (Phase.FAILED, "MAX_DURATION")),
        (
            "Canceled",
            run_of(),
            Notes(starts=1, given_up=True),
            None,
            (Phase.INTERRUPTED, "MAX_WAIT"),
        ),
    ],
)
def test_what_a_job_means(
    status: str, run: Run | None, notes: Notes, outcome: Outcome | None, means: tuple[Phase, str]
) -> None:
    phase, code = means
    told = from_job(job_of(status), run, notes, outcome)
    assert told.phase is phase
    assert (told.failure.code if told.failure else "") == code
    assert (told.result is not None) is (phase is Phase.SUCCEEDED)
    assert (told.poll_after is None) is phase.done


@pytest.mark.parametrize(
    ("status", "notes", "lost"),
    [
        ("Running", Notes(starts=1), 0),
        ("Running", Notes(starts=3), 2),
        ("Queued", Notes(starts=0), 0),
        ("Queued", Notes(starts=2), 2),
        ("Canceled", Notes(starts=2, given_up=True), 2),
        ("Completed", Notes(starts=2), 1),
    ],
)
def test_lost_machines_are_counted_by_their_starts(status: str, notes: Notes, lost: int) -> None:
    outcome = GOOD if status == "Completed" else None
    assert from_job(job_of(status), run_of(), notes, outcome).interruptions == lost


def test_usage_is_over_all_machines_and_progress_is_the_last_that_was_told() -> None:
    lines = ["[bluewater] progress=0.2500", "loss 1", "[bluewater] progress=0.5000"]
    told = from_job(job_of("Running"), run_of(), Notes(starts=1), None, lines)
    assert told.progress == 0.5
    assert told.usage is not None
    assert (told.usage.seconds, told.usage.spot) == (20.0, True)


def test_progress_is_found_however_much_was_said_since_and_is_no_last_word() -> None:
    lines = ["[bluewater] progress=0.2500", *(f"line {number}" for number in range(100))]
    failed = run_of("UserError")
    told = from_job(job_of("Failed"), failed, Notes(starts=1), None, [*lines, lines[0]])
    assert told.progress == 0.25
    assert told.failure is not None
    assert told.failure.message.splitlines()[-1] == "line 99"
    assert "progress" not in told.failure.message


def test_the_details_of_a_run_are_read_with_what_may_be_missing() -> None:
    bare = from_run_details({"runId": "x", "status": "NotStarted"})
    assert (bare.began, bare.code, bare.logs) == (None, "", ())
    links = {"user_logs/std_log.txt": "https://a", "system_logs/x.txt": "https://b"}
    error = {"error": {"code": "UserError", "message": "words"}}
    full = from_run_details(
        {"startTimeUtc": "2026-11-25T20:00:00+00:00", "logFiles": links, "error": error}
    )
    assert (full.began, full.code, full.logs) == (NOW, "UserError", ("https://a",))
