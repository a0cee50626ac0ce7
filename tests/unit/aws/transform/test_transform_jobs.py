"""Batch transform: what SageMaker calls otherwise gets its name; what it would not take is told."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from blocks.contracts import (
    BatchInference,
    BatchRequest,
    Inventory,
    ModelVersion,
    ObjectStore,
    Phase,
    RunKey,
    Unexpected,
    Unsupported,
)
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.transform import check_transform
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.transform.answers import Answers
from blocks.providers.aws.transform.calls import (
    Listed,
    Record,
    outputs_of,
    require_sendable,
    to_create_transform_job,
)
from blocks.providers.aws.transform.jobs import is_of_transform

KEY = RunKey(run="run-1", step="score")
MODEL = ModelVersion(name="m", version="1", uri="s3://models/m", digest="1f")
REQUEST = BatchRequest(
    model=MODEL, data_uri="s3://models/rows", output_uri="s3://models/scored", machine="ml.m5.large"
)


def test_a_job_that_is_over_leaves_no_model_and_its_end_is_told_again(bench: Any) -> None:
    jobs = bench.connect(BatchInference)
    bench.settle(ref := jobs.submit(bench.batch_request(20), key=KEY))
    ended = jobs.status(ref)
    assert ended.phase is Phase.SUCCEEDED
    assert [each.kind for each in bench.connect(Inventory).owned()] == ["batch-job"]
    assert jobs.submit(bench.batch_request(20), key=KEY) == ref  # and makes no model again
    assert len(bench.emulator.calls("sagemaker:CreateModel")) == 1
    store = bench.connect(ObjectStore)
    for found in list(store.walk(bench.batch_request(20).output_uri)):
        store.remove(found.uri)
    assert jobs.status(ref) == ended


def test_what_is_scored_already_is_not_sent_again(bench: Any) -> None:
    jobs, request = bench.connect(BatchInference), bench.batch_request(20)
    bench.settle(jobs.submit(request, key=KEY))
    bench.settle(ref := jobs.submit(request, key=KEY.next()))
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    answers = Objects(bench.levers_account.client("s3")).read(
        f"{bench.account.root}/transform/{ref.id}/files.manifest"
    )
    assert answers is not None
    assert answers[0].count(b".parquet") == 1  # a job sends something


@pytest.fixture
def answers(bench: Any) -> Callable[..., Answers]:
    """Return a function that puts answers where SageMaker would, for files of these names."""
    objects = Objects(bench.levers_account.client("s3"))
    home = f"{bench.account.root}/transform/job"
    out = io.BytesIO()
    pq.write_table(pa.table({"x": range(3)}), out)

    def put(*names: str, files: tuple[str, ...]) -> Answers:
        for name in names:
            objects.write(f"{outputs_of(home)}/{name}.out", out.getvalue())
        listed = tuple(Listed(name=each, size=1, etag="e") for each in files)
        request = REQUEST.model_copy(update={"output_uri": f"{bench.account.root}/scored"})
        return Answers(objects, Record(request=request, files=listed), home)

    return put


@pytest.mark.parametrize(
    "names",
    [
        ("a.parquet", "deep/b.parquet"),
        ("rows/a.parquet", "rows/deep/b.parquet"),
        ("a.parquet", "b.parquet"),
    ],
)
def test_an_answer_belongs_to_its_file_whatever_folder_sagemaker_keeps(
    answers: Callable[..., Answers], names: tuple[str, ...]
) -> None:
    found = answers(*names, files=("a.parquet", "deep/b.parquet"))
    assert found.rows() is None
    assert found.name() == 0
    assert found.rows() == 6
    assert found.unscored(["a.parquet", "deep/b.parquet"]) == []
    assert [each.name for each in found.unscored(["a.parquet"])] == ["deep/b.parquet"]


def test_an_answer_that_could_be_of_two_files_gets_no_name(
    answers: Callable[..., Answers],
) -> None:
    found = answers("b.parquet", files=("one/b.parquet", "two/b.parquet"))
    with pytest.raises(Unexpected, match=r"b\.parquet"):
        found.name()


def test_a_file_that_is_no_request_any_more_is_refused() -> None:
    require_sendable([Listed(name="a.parquet", size=100_000_000, etag="e")])
    with pytest.raises(Unsupported, match=r"deep/b\.parquet has 123 MB.*let aws-batch") as caught:
        require_sendable([Listed(name="deep/b.parquet", size=123_000_000, etag="e")])
    assert caught.value.code == "FILE_SIZE"


def test_a_job_is_known_from_a_variant_by_its_name(bench: Any) -> None:
    name = bench.account.named
    assert is_of_transform(bench.account, name(f"t-{32 * 'a'}"))
    assert not is_of_transform(bench.account, name(f"t-{20 * 'a'}"))
    assert not is_of_transform(bench.account, f"t-{32 * 'a'}")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"MaxPayloadInMB": 101}, "MaxPayloadInMB must not be above 100"),
        ({"MaxConcurrentTransforms": 2}, "must not be above 100 MB"),
        ({"DataCaptureConfig": {}}, "not emulated"),
    ],
)
def test_the_service_refuses_what_is_too_much(change: dict[str, Any], words: str) -> None:
    asked = to_create_transform_job(REQUEST, name="job", home="s3://models/transform/job")
    check_transform(asked)
    with pytest.raises(AwsError, match=words):
        check_transform({**asked, **change})


def test_a_model_that_lies_unpacked_in_s3_is_not_for_transform_jobs(bench: Any) -> None:
    request = bench.batch_request(20)
    sagemaker = bench.levers_account.client("sagemaker")
    source = {"S3Uri": f"{request.model.uri}/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    sagemaker.create_model(
        ModelName="unpacked",
        ExecutionRoleArn=bench.account.role_arn,
        PrimaryContainer={
            "Image": bench.connect(BatchInference).image,
            "ModelDataSource": {"S3DataSource": source},
        },
    )
    asked = to_create_transform_job(request, name="job", home=f"{bench.account.root}/job")
    with pytest.raises(ClientError, match="ModelDataSource is not supported"):
        sagemaker.create_transform_job(**{**asked, "ModelName": "unpacked"})


def test_an_image_of_somebody_else_is_asked_as_the_service_asks_it(bench: Any) -> None:
    """As published examples do it: a prefix of files, without a word about size."""
    s3, sagemaker = (bench.levers_account.client(each) for each in ("s3", "sagemaker"))
    for name, body in (("one.csv", b"1,2\n"), ("more/two.csv", b"1,2,3\n4,5,6\n")):
        s3.put_object(Bucket=bench.account.bucket, Key=f"theirs/{name}", Body=body)
    image = bench.connect(BatchInference).image
    sagemaker.create_model(
        ModelName="theirs",
        ExecutionRoleArn=bench.account.role_arn,
        PrimaryContainer={"Image": image},
    )
    bucket = f"s3://{bench.account.bucket}"
    source = {"S3DataType": "S3Prefix", "S3Uri": f"{bucket}/theirs/"}
    sagemaker.create_transform_job(
        TransformJobName="theirs",
        ModelName="theirs",
        TransformInput={"DataSource": {"S3DataSource": source}, "ContentType": "text/csv"},
        TransformOutput={"S3OutputPath": f"{bucket}/answers"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )
    sagemaker.get_waiter("transform_job_completed_or_stopped").wait(
        TransformJobName="theirs", WaiterConfig={"Delay": 1, "MaxAttempts": 100}
    )
    told = sagemaker.describe_transform_job(TransformJobName="theirs")
    assert told["TransformJobStatus"] == "Completed"
    assert datetime.now(UTC) - told["TransformEndTime"] < timedelta(hours=1)
    found = s3.get_object(Bucket=bench.account.bucket, Key="answers/more/two.csv.out")
    assert found["Body"].read() == b"3\n3\n"
