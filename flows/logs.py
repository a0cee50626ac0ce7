"""Log lines as JSON, one object a line, if the environment says where they shall go.

The variable is ``BLUEWATER_LOG_JSON``: a file to append to, or ``-`` for standard error, in place
of Prefect's lines for people. What people see on Prefect's pages stays as it is.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from logging.handlers import WatchedFileHandler

# Prefect replaces all handlers when it is imported, and never after.
from prefect.logging.handlers import PrefectConsoleHandler
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from tasks.log_fields import fields

PLACE = "BLUEWATER_LOG_JSON"
OURS: Sequence[str] = ("bluewater", "blocks", "tasks", "flows", "deployments")
UNSAID = ("send_to_api", "color_message", "task_name", "taskName")  # how, and not what


def write(place: str) -> None:
    """Write JSON from here on, until the process ends."""
    root = logging.getLogger()
    if place == "-":
        for handler in [each for each in root.handlers if isinstance(each, PrefectConsoleHandler)]:
            root.removeHandler(handler)
    target = logging.StreamHandler(sys.stderr) if place == "-" else WatchedFileHandler(place)
    target.setFormatter(
        JsonFormatter(
            ["timestamp", "levelname", "name", "message"],
            rename_fields={"levelname": "level", "name": "logger"},
            reserved_attrs=[*RESERVED_ATTRS, *UNSAID],
            timestamp=True,
        )
    )
    target.addFilter(_with_fields)
    root.addHandler(target)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)


def _with_fields(record: logging.LogRecord) -> bool:
    """Put onto a line what it is about; its step is the task of Prefect that it comes from."""
    step = getattr(record, "task_name", "")
    for name, value in {**({"step": step} if step else {}), **fields()}.items():
        setattr(record, name, value)
    return True
