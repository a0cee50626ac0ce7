"""Looking for what was made a moment ago: Azure may not show it yet."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import AzureError

from blocks.providers.azure.answers import is_missing

READS = 4  # attempts at a call that may be repeated
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,254}")
_VISIBLE_AFTER = (0.2, 0.4, 0.8)  # seconds


def is_name(text: str) -> bool:
    """Whether Azure could call a thing so."""
    return _NAME.fullmatch(text) is not None


def look_for(get: Callable[..., Any], *names: str, patient: bool = True) -> Any:
    """Return a thing by its names, or None if there is none; if patient, also in a moment."""
    if not all(is_name(name) for name in names):
        return None
    for pause in (*(_VISIBLE_AFTER if patient else ()), None):
        try:
            return get(*names)
        except AzureError as error:
            if not is_missing(error):
                raise
            if pause is not None:
                time.sleep(pause)
    return None
