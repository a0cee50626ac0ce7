"""What ``pip install bluewater[cloud]`` brings is enough for that cloud, and nothing of another."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SDKS = {  # a module of each cloud that nothing but its own extra brings
    "aws": ("boto3", "s3fs"),
    "gcp": ("google.cloud.aiplatform", "gcsfs"),
    "azure": ("azure.ai.ml", "azure.storage.blob"),
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
    """Return the project as it is shipped."""
    place = tmp_path_factory.mktemp("wheel")
    source = place / "source"
    shutil.copytree(
        ROOT, source, ignore=shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__")
    )
    build = ("wheel", "--quiet", "--no-deps", "--wheel-dir", str(place), str(source))
    subprocess.run([*_pip(place), *build], check=True)
    [found] = place.glob("bluewater-*.whl")
    return found


def _pip(place: Path) -> list[str]:
    """Return the command that is pip, of an environment of its own: ours may have none."""
    home = place / "pip"
    if not home.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    return [str(home / "bin" / "python"), "-m", "pip"]


def installed(wheel: Path, extra: str, home: Path) -> Path:
    """Return the Python of a new environment with the wheel, that extra, and nothing else."""
    asked = [f"{wheel}[{extra}]", "--constraint", str(ROOT / "constraints.txt")]
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(home)], check=True)
        where = ["--quiet", "--python", str(home / "bin" / "python")]
        subprocess.run([uv, "pip", "install", *where, *asked], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *asked], check=True)
    return home / "bin" / "python"


def said(python: Path, *words: str, home: Path) -> str:
    """Run that Python outside of the project, and return what it says."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env = {**kept, **SURROUNDINGS, "HOME": str(home), "BLUEWATER_HOME": str(home / "workspace")}
    done = subprocess.run(
        [str(python), *words], cwd=home, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("extra", sorted(SDKS))
def test_a_cloud_comes_with_its_own_extra_alone(extra: str, wheel: Path, tmp_path: Path) -> None:
    python = installed(wheel, extra, tmp_path / "env")
    assert extra in said(python, "-m", "flows.cli", "providers", home=tmp_path)
    assert int(said(python, "-c", BUILD, extra, home=tmp_path)) >= len(SDKS)
    others = [name for cloud, names in SDKS.items() if cloud != extra for name in names]
    found = said(python, "-c", FIND, *SDKS[extra], *others, home=tmp_path)
    assert found.strip() == ",".join(SDKS[extra])
