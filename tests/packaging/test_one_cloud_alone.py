"""What ``pip install bluewater[cloud]`` brings is enough for that cloud, and nothing of another."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.packaging.environments import CONSTRAINTS, built, installed, said

SDKS = {  # a module of each cloud that nothing but its own extra brings
    "aws": ("boto3", "s3fs"),
    "gcp": ("google.cloud.aiplatform", "google.cloud.run_v2", "gcsfs"),
    "azure": ("azure.ai.ml", "azure.storage.blob"),
    "databricks": (),  # its SDK comes with MLflow, and so everywhere
}
SURROUNDINGS = {  # what a block has to be told to be built; nobody is called
    "AWS_REGION": "us-east-1",
    "BLUEWATER_AWS_BUCKET": "bucket",
    "GOOGLE_CLOUD_PROJECT": "project",
    "BLUEWATER_GCP_BUCKET": "bucket",
}

BUILD = """
import sys
from blocks import registry

extra, built = sys.argv[1], []
for name in registry.PROVIDERS:
    entry = registry.provider(name)
    for capability, path in entry.capabilities.items() if entry.extra == extra else ():
        built.append(registry.load(path)())
print(len(built))
"""
FIND = """
import sys
from importlib.util import find_spec

def there(name):
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False

print(",".join(name for name in sys.argv[1:] if there(name)))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("wheel"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("extra", sorted(SDKS))
def test_a_cloud_comes_with_its_own_extra_alone(extra: str, wheel: Path, tmp_path: Path) -> None:
    python = installed(wheel, extra, tmp_path / "env", *CONSTRAINTS)
    tell = partial(said, python, home=tmp_path, around=SURROUNDINGS)
    assert extra in tell("-m", "flows.cli", "providers")
    assert int(tell("-c", BUILD, extra)) >= len(SDKS)
    others = [name for cloud, names in SDKS.items() if cloud != extra for name in names]
    found = tell("-c", FIND, *SDKS[extra], *others)
    assert found.strip() == ",".join(SDKS[extra])
