"""Code packed by AWS's SDK, and started by the toolkit of a framework's image."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from blocks.contracts import InvalidRequest, ObjectStore, Phase, RunKey, Unsupported
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.training import SageMakerTraining

KEY = RunKey(run="run-1", step="train")
SCRIPT = """
import sys
from pathlib import Path
import helper
from blocks.workload import Job

with Job.from_environment() as job:
    model = Path("made")
    model.mkdir()
    (model / "weights").write_text(helper.WORD)
    told = dict(zip(sys.argv[1::2], sys.argv[2::2]))
    assert told["--slope"] == job.parameters["slope"] == "1e3", (told, job.parameters)
    assert job.parameters["note"] == 'two\\nlines "quoted"', job.parameters
    assert not [name for name in job.parameters if name.startswith("sagemaker_")]
    job.succeed(model=model, metrics={"word": len(helper.WORD)})
"""
WHEEL = "helper-1.0-py3-none-any.whl"


@pytest.fixture
def jobs(account: AwsAccount) -> SageMakerTraining:
    return SageMakerTraining(account=account, toolkit=True)


def wheel() -> bytes:
    """Return a package that the code requires."""
    out, home = io.BytesIO(), "helper-1.0.dist-info"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("helper.py", "WORD = 'installed'\n")
        archive.writestr(f"{home}/METADATA", "Metadata-Version: 2.1\nName: helper\nVersion: 1.0\n")
        archive.writestr(f"{home}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{home}/RECORD", "")
    return out.getvalue()


def request(bench: Any, *, image: str = "sagemaker:pytorch:2.3:py311") -> Any:
    """Return a request whose code requires a package that lies beside it."""
    asked = bench.training_request(script=SCRIPT)
    store = bench.connect(ObjectStore)
    store.write(f"{asked.source_uri}/lib/{WHEEL}", wheel())
    store.write(f"{asked.source_uri}/requirements.txt", f"lib/{WHEEL}\n".encode())
    store.write(f"{asked.source_uri}/train.py", SCRIPT.encode())
    changes = {
        "image": image,
        "command": ("python", "train.py"),
        "parameters": {"slope": "1e3", "note": 'two\nlines "quoted"'},
    }
    return asked.model_copy(update=changes)


def test_the_toolkit_installs_what_is_required_and_runs_the_program(
    bench: Any, jobs: SageMakerTraining, account: AwsAccount, emulator: Account
) -> None:
    ref = jobs.submit(request(bench), key=KEY)
    assert jobs.submit(request(bench), key=KEY) == ref
    bench.settle(ref)
    status = jobs.status(ref)
    assert status.phase is Phase.SUCCEEDED, status.failure
    assert status.result is not None
    assert status.result.metrics == {"word": len("installed")}
    told = account.client("sagemaker").describe_training_job(TrainingJobName=ref.id)
    assert "ContainerEntrypoint" not in told["AlgorithmSpecification"]
    assert "pytorch-training" in told["AlgorithmSpecification"]["TrainingImage"]
    archive = json.loads(told["HyperParameters"]["sagemaker_submit_directory"])
    assert archive == f"{account.root}/packed/{ref.token}/sourcedir.tar.gz"


def test_what_cannot_be_installed_ends_the_job_with_the_toolkits_word(
    bench: Any, jobs: SageMakerTraining
) -> None:
    asked = request(bench)
    missing = f"{asked.source_uri}/requirements.txt"
    bench.connect(ObjectStore).write(missing, b"lib/missing-1.0-py3-none-any.whl\n")
    bench.settle(ref := jobs.submit(asked, key=KEY))
    failure = jobs.status(ref).failure
    assert failure is not None
    assert "InstallRequirementsError" in failure.message


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"command": ("python", "train.py", "--fast")}, InvalidRequest, "COMMAND"),
        ({"command": ("python", "other.py")}, InvalidRequest, "COMMAND"),
        ({"secrets": {"API_KEY": "api-key"}}, Unsupported, "SECRETS"),
    ],
)
def test_what_no_toolkit_starts_is_refused_before_there_is_a_job(
    bench: Any, jobs: SageMakerTraining, change: dict[str, Any], kind: type[Exception], code: str
) -> None:
    bench.keep_secret("api-key", "sesame")
    with pytest.raises(kind) as caught:
        jobs.submit(request(bench).model_copy(update=change), key=KEY)
    assert getattr(caught.value, "code", "") == code
    assert bench.created("training") == 0
