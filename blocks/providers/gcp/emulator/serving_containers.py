"""What Vertex AI asks of a container that serves, and of the files it serves."""

from __future__ import annotations

import re

from google.cloud.aiplatform_v1.types import ModelContainerSpec

from blocks.providers.gcp.emulator.references import require_place
from blocks.providers.gcp.emulator.refusals import invalid
from blocks.providers.gcp.emulator.world import World

_IMAGE = re.compile(r"([a-z]+\.)?gcr\.io/|[a-z0-9-]+-docker\.pkg\.dev/")


def require_served(world: World, spec: ModelContainerSpec, artifact_uri: str) -> None:
    """Raise GcpError for a container that could never serve what is at ``artifact_uri``."""
    if not spec.image_uri:
        raise invalid("container_spec.image_uri must be set.")
    if not _IMAGE.match(spec.image_uri):
        raise invalid("container_spec.image_uri must be in Artifact or Container Registry.")
    for route in (spec.predict_route, spec.health_route):
        if route and not route.startswith("/"):
            raise invalid(f"The route {route!r} must begin with a slash.")
    require_place(artifact_uri, "artifact_uri")
    if artifact_uri and not any(world.objects.walk(f"{artifact_uri.rstrip('/')}/")):
        raise invalid(f"There are no files under artifact_uri {artifact_uri}.")
