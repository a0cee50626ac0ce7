"""Asking servers that an emulated cloud runs on this machine, over plain HTTP."""

from __future__ import annotations

import httpcore  # noqa: F401 - httpx imports it late: once here, else in each world that is forked
import httpx

HEALTH = 10.0  # seconds for an answer about health; the machine may be busy with many worlds


def client(*, timeout: float | None) -> httpx.Client:
    """Return a client that goes past all proxies, and asks as many at once as are wanted.

    It reads no certificates, which would take longer than all else that a world begins with.
    """
    verify, limits = False, httpx.Limits()
    return httpx.Client(timeout=timeout, trust_env=False, verify=verify, limits=limits)
