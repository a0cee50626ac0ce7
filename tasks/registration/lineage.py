"""Where a model came from: code, environment, data, run."""

from __future__ import annotations

import hashlib
import subprocess
from importlib.metadata import distributions
from pathlib import Path

from blocks.workload import digest


def environment_lock() -> str:
    """Return every installed distribution with its version, one a line, in order."""
    found = {f"{each.name}=={each.version}" for each in distributions() if each.name}
    return "\n".join(sorted(found, key=str.lower)) + "\n"


def sha256(text: str) -> str:
    """Return the digest of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def code_revision(folder: Path) -> str:
    """Return the git revision of a folder, marked when it was changed since; empty without git."""
    revision = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--", ".")
    return f"{revision}{'+changes' if changed else ''}" if revision else ""


def code_digest(folder: Path) -> str:
    """Return the digest of the training code itself, git or not."""
    return digest(folder) if folder.is_dir() else ""


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # no git here: the digest of the code names it all the same
    return done.stdout.strip() if done.returncode == 0 else ""
