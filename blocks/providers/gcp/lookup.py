"""Looking for what was made a moment ago: Vertex AI may not show it yet."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import TypeVar

from google.api_core.exceptions import NotFound

from blocks.cloud.submission import VISIBLE_AFTER

T = TypeVar("T")

_ID = re.compile(r"[a-z0-9-]{1,63}")


def is_id(text: str) -> bool:
    """Whether Vertex AI could give a thing that id."""
    return _ID.fullmatch(text) is not None


def look_for(get: Callable[[], T], *, patient: bool = True) -> T | None:
    """Return what ``get`` gets, or None if there is no such thing; if patient, also in a moment."""
    for pause in (*(VISIBLE_AFTER if patient else ()), None):
        try:
            return get()
        except NotFound:
            if pause is not None:
                time.sleep(pause)
    return None
