"""What runs on a machine, against the emulated S3 and CloudWatch Logs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blocks.providers.aws import kit
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.joblog import lines
from blocks.providers.aws.s3 import Objects
from blocks.workload import Checkpoints
from blocks.workload.instance.bucket import Bucket, Synced
from blocks.workload.instance.metadata import Metadata
from blocks.workload.instance.plan import Ended, Plan, Reason, ended_of, plan_of
from blocks.workload.instance.shipping import Shipper
from blocks.workload.manifest import NAME


@pytest.fixture
def bucket(bench: Any) -> Bucket:
    return Bucket(bench.account.client("s3"))


@pytest.fixture
def place(bench: Any) -> str:
    return f"{bench.account.root}/checkpoints"


def save(checkpoints: Checkpoints, step: int) -> None:
    with checkpoints.saving(step) as folder:
        for name in ("a", "b", "z"):
            (folder / name).write_text(f"{name} of {step}")


def test_checkpoints_go_there_and_come_back_whole(
    bucket: Bucket, place: str, tmp_path: Path
) -> None:
    first = Synced(bucket, tmp_path / "first", place)
    first.restore()
    save(Checkpoints(tmp_path / "first"), 1)
    first.now()
    Synced(bucket, tmp_path / "second", place).restore()
    found = Checkpoints(tmp_path / "second").latest()
    assert found is not None
    assert (found.step, (found.folder / "z").read_text()) == (1, "z of 1")


def test_the_manifest_goes_last_so_that_a_torn_copy_is_none(
    bench: Any, emulator: Account, bucket: Bucket, place: str, tmp_path: Path
) -> None:
    synced = Synced(bucket, tmp_path / "here", place)
    synced.restore()
    save(Checkpoints(tmp_path / "here"), 1)
    before = len(emulator.calls("s3:PutObject"))
    synced.now()
    sent = [each["resource"] for each in emulator.calls("s3:PutObject")[before:]]
    assert len(sent) == 4
    assert sent[-1].endswith(NAME)


def test_a_checkpoint_that_made_way_goes_there_too_its_manifest_first(
    bench: Any, emulator: Account, bucket: Bucket, place: str, tmp_path: Path
) -> None:
    synced = Synced(bucket, tmp_path / "here", place)
    synced.restore()
    checkpoints = Checkpoints(tmp_path / "here", keep=1)
    for step in (1, 2):
        save(checkpoints, step)
        synced.now()
    names = [found.name for found in Objects(bench.account.client("s3")).below(place)]
    assert {name.partition("/")[0] for name in names} == {"step-000000000002"}
    removed = [each["resource"] for each in emulator.calls("s3:DeleteObject")]
    assert removed[0].endswith(NAME)


def test_what_is_half_written_is_not_carried_away(
    bench: Any, bucket: Bucket, place: str, tmp_path: Path
) -> None:
    synced = Synced(bucket, tmp_path / "here", place)
    synced.restore()
    with Checkpoints(tmp_path / "here").saving(1) as folder:
        (folder / "a").write_text("half")
        synced.now()
        assert list(Objects(bench.account.client("s3")).below(place)) == []


def test_lines_arrive_in_order_and_whole_also_where_the_log_takes_none_at_first(
    bench: Any, emulator: Account
) -> None:
    emulator.fault("throttling", call="logs:PutLogEvents")
    logs = bench.account.client("logs")
    shipper = Shipper(logs, "/bluewater/training", "job")
    told = [f"line {number}" for number in range(12_000)]
    for line in told:
        shipper.add(line)
    assert shipper.tail().splitlines() == told[-20:]
    shipper.close()
    found = [line.text for line in lines(logs, "/bluewater/training", "job", None)]
    assert found == told


def test_no_metadata_service_is_no_notice() -> None:
    nobody = {"AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9/"}
    assert not Metadata(nobody).noticed()


def test_plans_and_last_words_survive_their_way_through_s3() -> None:
    plan = Plan(
        token="t",
        region="r",
        command=("python", "train.py"),
        source_uri="s3://a/code",
        data_uri="s3://a/data",
        checkpoint_uri="s3://a/checkpoints",
        output_uri="s3://a/output",
        max_seconds=1.5,
        log_group="g",
        log_stream="s",
    )
    assert plan_of(plan.to_json()) == plan
    ended = Ended(reason=Reason.NOTICE, at=1.0, exit_status=75, progress=0.5)
    assert ended_of(b'{"reason": "notice", "at": 1.0, "exit_status": 75, "progress": 0.5}') == ended


def test_the_kit_needs_nothing_but_python(bench: Any, tmp_path: Path) -> None:
    """Isolated and without site packages: what a machine image may lack."""
    uri = kit.shipped(bench.account)
    content = Objects(bench.account.client("s3")).read(uri)
    assert content is not None
    (tmp_path / "kit.zip").write_bytes(content[0])
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'kit.zip')!r}); "
        "import blocks.workload.instance.__main__; print(blocks.__file__)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert "kit.zip" in done.stdout
    assert kit.shipped(bench.account) == uri
