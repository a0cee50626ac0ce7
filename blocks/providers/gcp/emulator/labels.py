"""The rules for labels, which are the same for everything of Vertex AI."""

from __future__ import annotations

import re
from collections.abc import Mapping

from blocks.providers.gcp.emulator.refusals import invalid

_LABEL = re.compile(r"[a-z0-9_-]{0,63}")
_MOST = 64


def require_labels(labels: Mapping[str, str]) -> None:
    """Raise GcpError for labels that nothing can have."""
    if len(labels) > _MOST:
        raise invalid(f"No more than {_MOST} labels can be given.")
    for key, value in labels.items():
        if not (_LABEL.fullmatch(key) and _LABEL.fullmatch(value)):
            raise invalid(f"Invalid label: {key}={value}")
