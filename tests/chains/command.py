"""The command line as a user runs it: a process of its own, that may be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def start(*words: str, workspace: Path, api: str, **environment: str) -> subprocess.Popen[str]:
    """Start ``bluewater`` with these words."""
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *words],
        cwd=ROOT,
        env={
            **os.environ,
            "BLUEWATER_HOME": str(workspace),
            "PREFECT_API_URL": api,
            "BLUEWATER_TRACEBACK": "",
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(
    *words: str,
    workspace: Path,
    api: str,
    code: int = 0,
    within: float = 240,
    **environment: str,
) -> tuple[str, str]:
    """Run ``bluewater`` to its end; return what it wrote to both streams."""
    process = start(*words, workspace=workspace, api=api, **environment)
    try:
        out, errors = process.communicate(timeout=within)
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        raise AssertionError(f"{words} ran for {within} s: {errors[-3000:]}") from None
    assert process.returncode == code, f"{words} ended with {process.returncode}: {errors[-3000:]}"
    return out, errors


def run_json(
    *words: str,
    workspace: Path,
    api: str,
    code: int = 0,
    within: float = 240,
    **environment: str,
) -> Any:
    """Run ``bluewater ... --json`` and return what it says."""
    out, _ = run(
        *(*words, "--json"), workspace=workspace, api=api, code=code, within=within, **environment
    )
    return json.loads(out)
