"""On what a row was played, and how long it took."""

from __future__ import annotations

import os
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import version


def machine() -> str:
    """Return the day, the machine and the versions."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("prefect", "mlflow"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {packages}"
    )


def took(began: float) -> str:
    """Return how long it is since a moment of the monotonic clock, and how busy the machine was."""
    _, _, load = os.getloadavg()  # of a quarter of an hour
    minutes = max(1, round((time.monotonic() - began) / 60))
    return f"{minutes} minute{'s' if minutes > 1 else ''}, load {load:.0f}"
