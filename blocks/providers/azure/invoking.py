"""Asking an endpoint by the SDK, which keeps the headers of one call for the next of its process.

With them it keeps the deployment that was named and the caller's token: whoever names none would
ask the last one that anybody named (azure-ai-ml 1.35, ``EndpointInvokeFields.DEFAULT_HEADER``).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from azure.ai.ml.constants._endpoint import EndpointInvokeFields

_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def own_headers() -> Iterator[None]:
    """Give the call that is made meanwhile headers of its own."""
    with _ONE_AT_A_TIME:
        kept = EndpointInvokeFields.DEFAULT_HEADER
        EndpointInvokeFields.DEFAULT_HEADER = dict(kept)
        try:
            yield
        finally:
            EndpointInvokeFields.DEFAULT_HEADER = kept
