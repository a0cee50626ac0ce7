"""An emulated Google Cloud project for rehearsals of releases that are served by Cloud Run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from blocks.emulation.rehearsing import RECLAIM
from blocks.providers.gcp.rehearsal import RELEASE, GcpRehearsal
from blocks.providers.gcp.run.endpoints import ID_TOKEN


class CloudRunRehearsal(GcpRehearsal):
    """A project whose endpoints are services; all else of Google Cloud is beside them."""

    faults: ClassVar[Mapping[str, str]] = {
        RECLAIM: "the machine of a spot job is taken away in the middle of its training",
        "throttling": "three calls of Cloud Run are throttled",
        "unavailable": "two calls find Cloud Run unavailable",
        "lost-reply": "two changes are made, and their replies are lost",
        "lost-request": "two changes never arrive",
        "internal-error-after": "two changes are made, and answered with an internal error",
        "conflict": "a change of a service meets another one",
    }
    strikes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "throttling": {"call": "run:*", "times": 3},
        "unavailable": {"call": "run:*", "times": 2},
        "lost-reply": {"call": "run:[CUD]*", "times": 2},
        "lost-request": {"call": "run:[CUD]*", "times": 2},
        "internal-error-after": {"call": "run:[CUD]*", "times": 2},
        "conflict": {"call": "run:UpdateService", "times": 1},
    }

    def environment(self) -> Mapping[str, str]:
        """Return the variables under which Google Cloud blocks, and the SDK, find this project."""
        return {**super().environment(), ID_TOKEN: RELEASE}
