"""What an IAM policy document allows."""

from __future__ import annotations

import json
from pathlib import Path

from blocks.contracts import InvalidRequest


def allowed_actions(file: Path) -> tuple[str, ...]:
    """Return the actions that a policy document allows. Raises InvalidRequest for another file."""
    try:
        statements = json.loads(file.read_text())["Statement"]
        allowed = [each["Action"] for each in statements if each["Effect"] == "Allow"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRequest(f"{file} is no IAM policy: {error}", code="POLICY") from error
    actions = ([each] if isinstance(each, str) else each for each in allowed)
    return tuple(action for each in actions for action in each)
