"""Where AWS keeps its own images, as its SDK knows it."""

from __future__ import annotations

from typing import Any

from blocks.contracts import RunKey, TrainingJobs
from blocks.providers.aws.monitor_images import REGISTRIES, address_in
from blocks.providers.aws.sdk import part

SCRIPT = """
import os
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    kits = [each for each in os.environ["PYTHONPATH"].split(":") if each.endswith(".zip")]
    model = Path("made")
    model.mkdir()
    (model / "weights").write_text("1")
    job.succeed(model=model, metrics={"kits": sum(Path(each).is_file() for each in kits)})
"""


def test_a_framework_of_aws_is_an_image_and_the_kit_comes_with_the_code(bench: Any) -> None:
    jobs = bench.connect(TrainingJobs)
    request = bench.training_request(script=SCRIPT)
    request = request.model_copy(update={"image": "sagemaker:pytorch:2.3:py311"})
    bench.settle(ref := jobs.submit(request, key=RunKey(run="run-1", step="train")))
    status = jobs.status(ref)
    assert status.result is not None, status.failure
    assert status.result.metrics["kits"] == 1
    told = bench.account.client("sagemaker").describe_training_job(TrainingJobName=ref.id)
    image = told["AlgorithmSpecification"]["TrainingImage"]
    assert f".{bench.account.region}." in image
    assert "pytorch-training:2.3" in image


def test_the_monitors_image_is_where_the_sdk_says_and_it_knows_other_regions() -> None:
    retrieve = part("core.image_uris:retrieve")
    known = {each: retrieve(framework="model-monitor", region=each) for each in REGISTRIES}
    assert {each: address_in(each) for each in REGISTRIES} == known
    china = address_in("cn-north-1")
    assert china.endswith(".cn-north-1.amazonaws.com.cn/sagemaker-model-monitor-analyzer")
