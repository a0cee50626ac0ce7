"""Suite and profile as two files beside each other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from blocks.contracts import InvalidRequest
from blocks.workload.durable import write_bytes
from tasks.checks.profile import Profile


def profile_of(suite: Path) -> Path:
    """Return where the profile of a suite file is kept."""
    return suite.with_suffix(".profile.json")


def write(suite: Path, content: Mapping[str, Any], profile: Profile) -> None:
    """Write both files, each whole or not at all; the suite last."""
    suite.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(profile_of(suite), profile.model_dump_json().encode())
    write_bytes(suite, json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n")


def read(suite: Path) -> tuple[dict[str, Any], Profile]:
    """Return suite and profile. Raises InvalidRequest, with the remedy, where they are not both."""
    file = profile_of(suite)
    remedy = "make both with `bluewater profile`"
    try:
        content = json.loads(suite.read_bytes())
        return content, Profile.model_validate_json(file.read_bytes())
    except OSError as error:
        raise InvalidRequest(f"{error.filename}: {error.strerror}; {remedy}") from error
    except (ValueError, ValidationError) as error:
        broken = file if isinstance(error, ValidationError) else suite
        text = str(error).split("\n")[0]
        raise InvalidRequest(f"{broken} cannot be read: {text}; {remedy}") from error
