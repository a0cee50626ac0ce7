"""What runs where a job's image has an entrypoint of its own: AWS's images that are emulated."""

from __future__ import annotations

from collections.abc import Mapping

from blocks.providers.aws.emulator.refusals import AwsError

_PROGRAMS: Mapping[str, tuple[str, ...]] = {  # by the repository of the image
    "sagemaker-clarify-processing": ("python", "-m", f"{__package__}.clarify"),
    "sagemaker-model-monitor-analyzer": ("python", "-m", f"{__package__}.analyzer"),
}


def own_program(image: str) -> tuple[str, ...]:
    """Return the program of an image. Raises AwsError for one that is not emulated."""
    repository = image.rpartition("/")[2].partition(":")[0]
    if repository not in _PROGRAMS:
        told = f"the entrypoint of {image} is not emulated; give ContainerEntrypoint"
        raise AwsError("UnknownOperationException", told, 501)
    return _PROGRAMS[repository]
