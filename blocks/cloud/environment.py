"""Fields of accounts that are read from the environment where nobody says otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable

from pydantic import SecretStr


def text_from(*names: str, default: str = "") -> Callable[[], str]:
    """Return what reads the first of these variables that says something."""
    return lambda: next((os.environ[name] for name in names if os.environ.get(name)), default)


def secret_from(name: str) -> Callable[[], SecretStr | None]:
    """Return what reads a variable that nobody is to see."""
    return lambda: SecretStr(os.environ[name]) if os.environ.get(name) else None


def list_from(name: str) -> Callable[[], tuple[str, ...]]:
    """Return what reads a variable with names between commas."""
    return lambda: tuple(part for part in os.environ.get(name, "").split(",") if part)
