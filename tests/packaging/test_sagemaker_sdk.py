"""The SageMaker SDK, in an environment of its own: it is large, and one thing alone needs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.packaging.environments import built, installed, said

TRAIN = """
import json, sys, tempfile
from pathlib import Path
from blocks.contracts import RunKey, TrainingJobs
from blocks.providers.aws.bench import AwsBench

SCRIPT = '''
import os
from pathlib import Path
from blocks.workload import Job

with Job.from_environment() as job:
    kits = [each for each in os.environ["PYTHONPATH"].split(":") if each.endswith(".zip")]
    model = Path("made")
    model.mkdir()
    (model / "weights").write_text("1")
    job.succeed(model=model, metrics={"kits": sum(Path(each).is_file() for each in kits)})
'''

with AwsBench(Path(tempfile.mkdtemp())) as bench:
    jobs = bench.connect(TrainingJobs)
    request = bench.training_request(script=SCRIPT)
    request = request.model_copy(update={"image": "sagemaker:pytorch:2.3:py311"})
    ref = jobs.submit(request, key=RunKey(run="run-1", step="train"))
    bench.settle(ref)
    status = jobs.status(ref)
    told = bench.account.client("sagemaker").describe_training_job(TrainingJobName=ref.id)
    image = told["AlgorithmSpecification"]["TrainingImage"]
    kits = status.result.metrics["kits"] if status.result else str(status.failure)
    print(json.dumps({"image": image, "kits": kits}))
"""


MONITORS = """
import json
from sagemaker.core.image_uris import retrieve
from blocks.providers.aws.monitor_images import REGISTRIES, address_in

def told(region):
    return retrieve(framework="model-monitor", region=region)

wrong = {each: told(each) for each in REGISTRIES if address_in(each) != told(each)}
print(json.dumps({"wrong": wrong, "china": address_in("cn-north-1")}))
"""


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the Python of an environment with the SDK in it."""
    place = tmp_path_factory.mktemp("sdk")
    return installed(built(place), "sagemaker,aws-rehearsal", place / "env")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_framework_of_aws_is_an_image_and_the_kit_comes_with_the_code(
    sdk: Path, tmp_path: Path
) -> None:
    out = said(sdk, "-c", TRAIN, home=tmp_path, around={"AWS_REGION": "us-east-1"})
    told = json.loads(out.strip().splitlines()[-1])
    assert "pytorch-training:2.3" in told["image"]
    assert "us-east-1" in told["image"]
    assert told["kits"] == 1


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_monitors_image_is_where_the_sdk_says_and_it_knows_other_regions(
    sdk: Path, tmp_path: Path
) -> None:
    out = said(sdk, "-c", MONITORS, home=tmp_path, around={"AWS_REGION": "us-east-1"})
    told = json.loads(out.strip().splitlines()[-1])
    assert told["wrong"] == {}
    assert told["china"].endswith(".cn-north-1.amazonaws.com.cn/sagemaker-model-monitor-analyzer")
