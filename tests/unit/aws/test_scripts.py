"""Scripts for the real service, in the shape in which they are published, run as they are."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.emulator.model_files import NoModel, unpack
from blocks.testing.waiting import until

SCRIPTS = Path(__file__).with_name("scripts")
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/theirs:1"
AWS = Path(sys.executable).with_name("aws")
# Scripts for the real service look once a minute; here minutes are moments.
RUNNER = """
import runpy, sys, time
pause = time.sleep
time.sleep = lambda seconds: pause(min(seconds, 0.2))
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def environment(emulator: Account, **more: str) -> dict[str, str]:
    """Return all that a script is told of the emulator: where AWS is."""
    return {
        "PATH": f"{AWS.parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(emulator.folder),
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_DEFAULT_REGION": emulator.region,
        "AWS_ACCESS_KEY_ID": "AKIASOMEBODY",
        "AWS_SECRET_ACCESS_KEY": "secret",
        **more,
    }


def run(command: list[str], emulator: Account, **more: str) -> list[str]:
    """Run a script to its good end and return the lines that it wrote."""
    done = subprocess.run(
        command,
        cwd=emulator.folder,
        env=environment(emulator, **more),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert emulator.unknown() == []
    return done.stdout.splitlines()


def python(script: str, emulator: Account, **more: str) -> list[str]:
    return run([sys.executable, "-c", RUNNER, str(SCRIPTS / script)], emulator, **more)


def client(emulator: Account, service: str) -> Any:
    told = environment(emulator)
    return boto3.client(
        service,
        endpoint_url=emulator.url,
        region_name=emulator.region,
        aws_access_key_id=told["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key="secret",
    )


def packed(**files: bytes) -> bytes:
    """Return an archive of these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def test_what_is_trained_on_spot_is_hosted_weighed_asked_and_deleted(emulator: Account) -> None:
    trained = python("train_on_spot.py", emulator, JOB_NAME="churn-1")
    assert trained[0] == "status: Completed"
    assert trained[1].startswith("managed spot training savings: ")
    url = trained[2].removeprefix("model: ")
    assert url.endswith("/churn-1/output/model.tar.gz")
    lines = python("host_two_variants.py", emulator, MODEL_URL=url)
    even = ast.literal_eval(lines[0].removeprefix("even: "))
    assert min(even.values()) >= 4  # of 40; fewer come once in ten million
    assert lines[1] == "asked alone: Variant1 2"
    assert lines[2] == "moved: {'Variant1': 0, 'Variant2': 20}"
    assert lines[3:] == ["Variant1 0.0 1", "Variant2 1.0 2", "deleted"]
    assert emulator.running() == []


def archived(emulator: Account) -> str:
    """Keep a model's archive where examples keep it; return its URL."""
    bucket = f"sagemaker-{emulator.region}-123456789012"
    s3 = client(emulator, "s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=packed(**{"model.bin": b"12345"}))
    return f"s3://{bucket}/model.tar.gz"


def test_an_update_behind_a_canary_and_an_alarm_arrives(emulator: Account) -> None:
    emulator.pull("speed", speed=60)  # it waits for minutes
    lines = python("guard_an_update.py", emulator, MODEL_URL=archived(emulator))
    assert lines[:2] == ["pending: guarded-2 AllTraffic", "in service: guarded-2"]
    assert lines[2].startswith("answered by: AllTraffic ")
    assert emulator.running() == []


def test_what_is_approved_answers_behind_a_queue(emulator: Account) -> None:
    lines = python("register_and_queue.py", emulator, MODEL_URL=archived(emulator))
    assert lines[0] == "approved: 1 Approved"
    assert lines[1].startswith("answer: ")
    assert lines[2] == "left: []"
    assert emulator.running() == []


@pytest.mark.slow
@pytest.mark.timeout(1800)  # each of its commands is a program that takes seconds to begin
def test_the_same_on_the_command_line(emulator: Account) -> None:
    """The AWS command line, as it comes from PyPI."""
    told = [
        "Starting Downloading Training Uploading Completed",
        "churn-cli",
        "owner\tteam-a",
        "0.0 1.0",
        "green",
        "3",
        "Approved",
    ]
    lines = run(["sh", str(SCRIPTS / "sequence.sh")], emulator)
    assert [line for line in lines if line in told] == told  # among what each command says
    called = {each["call"] for each in emulator.calls()}
    assert {"sagemaker:CreateTrainingJob", "sagemaker:DeleteModel", "s3:PutObject"} <= called
    assert emulator.running() == []


def hosted(emulator: Account, archive: bytes) -> dict[str, Any]:
    """Serve an archive as a model; return how the endpoint is once it is not Creating."""
    s3, sagemaker = client(emulator, "s3"), client(emulator, "sagemaker")
    s3.create_bucket(Bucket="archives")
    s3.put_object(Bucket="archives", Key="model.tar.gz", Body=archive)
    role = "arn:aws:iam::123456789012:role/jobs"
    container = {"Image": IMAGE, "ModelDataUrl": "s3://archives/model.tar.gz"}
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)
    variant = {
        "VariantName": "v",
        "ModelName": "m",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    until(lambda: sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] != "Creating")
    told: dict[str, Any] = sagemaker.describe_endpoint(EndpointName="e")
    return told


def test_an_archive_is_unpacked_where_the_container_looks_for_its_model(emulator: Account) -> None:
    told = hosted(emulator, packed(**{"model.bin": b"12345", "code/inference.py": b"x = 1\n"}))
    assert told["EndpointStatus"] == "InService"
    runtime = client(emulator, "sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="e", Body=b"{}", ContentType="application/json")
    assert json.loads(answer["Body"].read())["model"] == {"code/inference.py": 6, "model.bin": 5}


def test_an_archive_that_leads_elsewhere_is_no_model(emulator: Account) -> None:
    told = hosted(emulator, packed(**{"../outside": b"1"}))
    assert told["EndpointStatus"] == "Failed"
    assert "leads out of its folder: ../outside" in told["FailureReason"]
    assert emulator.running() == []


def link(kind: bytes, target: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo("passwords")
        member.type, member.linkname = kind, target
        archive.addfile(member)
    return out.getvalue()


@pytest.mark.parametrize(
    ("archive", "words"),
    [
        (packed(**{"../../up": b"1"}), "leads out"),
        (packed(**{"/etc/cron": b"1"}), "leads out"),
        (packed(**{"a/../../b": b"1"}), "leads out"),
        (link(tarfile.SYMTYPE, "/etc/passwd"), "a link or a device"),
        (link(tarfile.SYMTYPE, "inside"), "a link or a device"),
        (link(tarfile.LNKTYPE, "inside"), "a link or a device"),
        (link(tarfile.FIFOTYPE, ""), "a link or a device"),
        (packed(good=b"1")[:40], "cannot be unpacked"),
        (b"not packed", "cannot be unpacked"),
    ],
    ids=("up", "root", "up-again", "link-out", "link-in", "hard-link", "pipe", "cut", "no-archive"),
)
def test_nothing_of_a_bad_archive_is_unpacked(tmp_path: Path, archive: bytes, words: str) -> None:
    place = tmp_path / "model"
    place.mkdir()
    with pytest.raises(NoModel, match=words):
        unpack(archive, place)
    assert [each.name for each in tmp_path.rglob("*")] == ["model"]


def test_the_service_refuses_a_model_whose_archive_is_not_there(emulator: Account) -> None:
    sagemaker = client(emulator, "sagemaker")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://nobodys/model.tar.gz"}
    role = "arn:aws:iam::123456789012:role/jobs"
    with pytest.raises(ClientError, match="Could not find model data at s3://nobodys"):
        sagemaker.create_model(ModelName="m", ExecutionRoleArn=role, PrimaryContainer=container)
