"""What a person sees of Prefect's log lines who runs a flow by hand."""

from __future__ import annotations

import logging
import os

# Prefect sets its handlers up when it is imported, and never after.
from prefect.logging.handlers import PrefectConsoleHandler

RUNS = ("prefect.flow_runs", "prefect.task_runs")
FAILED = "Finished in state Failed"


def tell_errors_once() -> None:
    """Leave the error that ends a run to the command, which tells it in one line at the end.

    Prefect's console has it four times, twice with a traceback; its pages still show all of it.
    """
    if os.environ.get("BLUEWATER_TRACEBACK"):
        return
    known = [logging.getLogger(), *map(logging.getLogger, ("prefect", *RUNS))]
    for handler in {each for logger in known for each in logger.handlers}:
        if isinstance(handler, PrefectConsoleHandler):
            handler.addFilter(_told_here)


def _told_here(record: logging.LogRecord) -> bool:
    if not record.name.startswith(RUNS) or record.levelno < logging.ERROR:
        return True
    return not record.exc_info and not record.getMessage().startswith(FAILED)
