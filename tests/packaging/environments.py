"""Environments of their own, with the project as it is shipped, and what an extra of it brings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ("--constraint", str(ROOT / "constraints.txt"))


def built(place: Path) -> Path:
    """Return the project as it is shipped."""
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


def installed(wheel: Path, extra: str, home: Path, *options: str) -> Path:
    """Return the Python of a new environment with the wheel, that extra, and nothing else."""
    asked = [f"{wheel}[{extra}]", *options]
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(home)], check=True)
        where = ["--quiet", "--python", str(home / "bin" / "python")]
        subprocess.run([uv, "pip", "install", *where, *asked], check=True)
    else:
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *asked], check=True)
    return home / "bin" / "python"


def said(python: Path, *words: str, home: Path, around: Mapping[str, str]) -> str:
    """Run that Python outside of the project, and return what it says."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    env = {**kept, **around, "HOME": str(home), "BLUEWATER_HOME": str(home / "workspace")}
    done = subprocess.run(
        [str(python), *words], cwd=home, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
