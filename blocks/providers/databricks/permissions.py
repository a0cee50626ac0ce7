"""What a document of grants allows in a Databricks workspace."""

from __future__ import annotations

import json
from pathlib import Path

from blocks.contracts import InvalidRequest


def allowed_grants(file: Path) -> tuple[str, ...]:
    """Return the grants of a document as ``python -m deployments.databricks`` prints it.

    Raises InvalidRequest for another file.
    """
    try:
        return tuple(str(each) for each in json.loads(file.read_text())["grants"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRequest(
            f"{file} has no grants of Databricks: {error}", code="GRANTS"
        ) from error
