"""The model by which a variant is served: a registered one, with our part around it.

Databricks serves what MLflow can load, so the copy is a model of MLflow's own format: a loader, a
zip of this package, the registered folder as it is, and the requirements of both.
"""

from __future__ import annotations

import functools
import io
import platform
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import yaml
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

import blocks
from blocks.cloud.bucket import Bucket
from blocks.contracts import InvalidRequest
from blocks.providers.databricks.unity import opened
from blocks.workload.digests import CACHE

LOADER = "bluewater_served"
_INNER = "model"  # the folder of the registered model in the copy
_NEEDS = (
    "databricks-sdk",
    "mlflow",
    "numpy",
    "orjson",
    "pandas",
    "picklescan",
    "psutil",
    "pyarrow",
    "pydantic",
    "pyyaml",
    "threadpoolctl",
    "uvicorn",
    "uvloop",
)
_PACKAGES = ("cloud", "contracts", "serving", "workload", "providers/databricks")
_NOT = ("/emulator/", "_levers.py", "/bench.py")
_LOAD = """\
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("blocks.zip")))

from blocks.providers.databricks.served import load


def _load_pyfunc(path):
    return load(Path(path))
"""


def copy_of(bucket: Bucket, uri: str) -> Iterator[tuple[str, Callable[[], BinaryIO]]]:
    """Yield the files of the copy of a registered model. Raises InvalidRequest if there is none."""
    found = [each for each in bucket.below(uri) if CACHE not in each.name.split("/")]
    small = {each.name: each for each in found if each.name in ("MLmodel", "requirements.txt")}
    if "MLmodel" not in small:
        raise InvalidRequest(f"there is no model at {uri}; register it again", code="MODEL")
    text = {name: b"".join(bucket.parts(each)).decode() for name, each in small.items()}
    about = yaml.safe_load(text["MLmodel"])
    python = str(_flavor(about).get("python_version") or platform.python_version())
    lines = requirements(text.get("requirements.txt", ""))
    yield "MLmodel", opened(_about(about, python))
    yield "requirements.txt", opened("\n".join([*lines, ""]).encode())
    yield "conda.yaml", opened(_conda(python, lines))
    yield (
        "python_env.yaml",
        opened(_yaml({"python": python, "dependencies": ["-r requirements.txt"]})),
    )
    yield f"code/{LOADER}.py", opened(_LOAD.encode())
    yield "code/blocks.zip", opened(package())
    for each in found:
        yield f"{_INNER}/{each.name}", partial(_read, bucket, each)


def requirements(theirs: str) -> list[str]:
    """Return what a model needs, and what we need of what it does not name itself."""
    lines = [line.strip() for line in theirs.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    named = {name for line in lines if (name := _name_of(line))}
    ours = [f"{name}=={version(name)}" for name in _NEEDS if canonicalize_name(name) not in named]
    return [*lines, *ours]


@functools.cache
def package() -> bytes:
    """Return what the container needs of this package, as a zip that Python imports from."""
    home, made = Path(blocks.__file__).parent, io.BytesIO()
    files = [home / "__init__.py", home / "registry.py", home / "providers/__init__.py"]
    for each in _PACKAGES:
        files += [file for file in sorted((home / each).rglob("*.py")) if _is_ours(file)]
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            info = zipfile.ZipInfo(f"blocks/{file.relative_to(home)}", (2020, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, file.read_bytes())
    return made.getvalue()


def _is_ours(file: Path) -> bool:
    return not any(each in file.as_posix() for each in _NOT)


def _flavor(about: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = about.get("flavors", {}).get("python_function", {})
    return found


def _about(about: Mapping[str, Any], python: str) -> bytes:
    """Return the copy's description.

    It names no inputs: what MLflow does not know it would drop before we could refuse it.
    """
    parameters = (about.get("signature") or {}).get("params")
    signature = {"inputs": None, "outputs": None, "params": parameters}
    told = {
        "flavors": {
            "python_function": {
                "loader_module": LOADER,
                "code": "code",
                "data": _INNER,
                "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                "python_version": python,
            }
        },
        "mlflow_version": version("mlflow"),
        **({"signature": signature} if parameters else {}),
    }
    return _yaml(told)


def _conda(python: str, lines: list[str]) -> bytes:
    return _yaml(
        {
            "name": "bluewater",
            "channels": ["conda-forge"],
            "dependencies": [f"python={python}", "pip", {"pip": lines}],
        }
    )


def _yaml(value: Any) -> bytes:
    return str(yaml.safe_dump(value, sort_keys=False)).encode()


def _name_of(line: str) -> str:
    try:
        return canonicalize_name(Requirement(line.partition(" #")[0]).name)
    except InvalidRequirement:
        return ""  # an option, a file, a URL: pip knows


def _read(bucket: Bucket, found: Any) -> BinaryIO:
    return io.BytesIO(b"".join(bucket.parts(found)))
