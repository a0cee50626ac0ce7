"""What a custom role of Azure allows."""

from __future__ import annotations

import json
from pathlib import Path

from blocks.contracts import InvalidRequest


def allowed_actions(file: Path) -> tuple[str, ...]:
    """Return the actions of a role, those on data among them, in the form that ``az role`` takes.

    Raises InvalidRequest for another file.
    """
    try:
        role = json.loads(file.read_text())
        return tuple(str(each) for each in (*role["Actions"], *role["DataActions"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRequest(f"{file} is no custom role of Azure: {error}", code="ROLE") from error
