"""Starting an emulated project in a process of its own, and talking to its levers.

Imports nothing of Google's: only the project's own process does.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from blocks.emulation.launch import Emulator, emulated

CONTAINERS = "ya29.of-the-job-service-account"  # the bearer token by which containers call


class Project(Emulator):
    """An emulated project that runs; ``faults`` of its package has the names of its faults."""

    training: ClassVar[str] = "custom-job"

    @property
    def project(self) -> str:
        """Its id."""
        return str(self.told["project"])

    @property
    def location(self) -> str:
        """The one location that it has."""
        return str(self.told["location"])

    @property
    def endpoint(self) -> str:
        """Where its gRPC services listen, as ``https://localhost:PORT``."""
        return str(self.told["endpoint"])

    @property
    def ca_file(self) -> Path:
        """The certificate to trust there."""
        return self.folder / "ca.pem"


def project(
    folder: Path, *, preloaded: bool = False, **settings: Any
) -> AbstractContextManager[Project]:
    """Start an emulated project and end it after; ``preloaded`` starts further ones at once.

    ``settings`` are those of ``world.Settings``: project, location, speed, grace,
    provisioning, scaling_period.
    """
    package = __name__.rpartition(".")[0]
    return emulated(Project, package, folder, settings, preloaded=preloaded)
