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


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_framework_of_aws_is_an_image_and_the_kit_comes_with_the_code(tmp_path: Path) -> None:
    wheel = built(tmp_path)
    python = installed(wheel, "sagemaker,aws-rehearsal", tmp_path / "env")
    out = said(python, "-c", TRAIN, home=tmp_path, around={"AWS_REGION": "us-east-1"})
    told = json.loads(out.strip().splitlines()[-1])
    assert "pytorch-training:2.3" in told["image"]
    assert "us-east-1" in told["image"]
    assert told["kits"] == 1
