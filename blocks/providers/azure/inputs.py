"""A look at what a training job would read, before anything is started."""

from __future__ import annotations

from blocks.contracts import InvalidRequest, TrainingRequest
from blocks.providers.azure.objects import Objects


def data_is_object(objects: Objects, request: TrainingRequest) -> bool:
    """Return whether the data is one object. Raises InvalidRequest where there is nothing."""
    source, data = request.source_uri, request.data_uri
    if not any(objects.below(source)):
        raise InvalidRequest(f"source_uri: there is no folder {source}", code="SOURCE")
    if any(objects.below(data)):
        return False
    if objects.head(data) is None:
        raise InvalidRequest(f"data_uri: there is nothing at {data}", code="DATA")
    return True
