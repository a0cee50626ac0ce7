"""What a platform offers to a specification."""

from __future__ import annotations

from blocks.contracts import (
    Endpoints,
    ModelRegistry,
    MonitoringSchedules,
    ObjectStore,
    Prices,
    ProcessingJobs,
    SecretStore,
    TrainingJobs,
)
from blocks.platform import Platform
from tasks.specification.checks import Surroundings


def surroundings(platform: Platform) -> Surroundings:
    """Connect everything that a specification is checked against."""
    return Surroundings(
        store=platform.connect(ObjectStore),
        training=platform.connect(TrainingJobs),
        endpoints=platform.connect(Endpoints),
        prices=platform.connect(Prices),
        secrets=platform.connect(SecretStore),
        models=platform.connect(ModelRegistry),
        processing=platform.connect(ProcessingJobs) if platform.processing else None,
        watching=platform.connect(MonitoringSchedules) if platform.watching else None,
    )
