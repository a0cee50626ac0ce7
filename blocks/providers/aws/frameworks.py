"""Images of AWS's own frameworks, by name: the SageMaker SDK knows where they are kept.

``sagemaker:pytorch:2.6:py312`` is such a name: framework, version, and Python where there are
several. They do not have bluewater in them, so the workload kit comes with the code.
"""

from __future__ import annotations

import re

from blocks.contracts import InvalidRequest, Unsupported
from blocks.registry import MissingExtra, load

_NAMED = re.compile(r"sagemaker:([a-z0-9-]+):([\w.-]+?)(?::(py\d+))?")
_PREFIX = "sagemaker:"


def is_named(image: str) -> bool:
    """Whether an image is told by the name of a framework."""
    return image.startswith(_PREFIX)


def address_of(image: str, *, region: str, machine: str) -> str:
    """Return the address of a framework's image for training on a machine.

    Raises InvalidRequest for what AWS does not have, and Unsupported without its SDK.
    """
    match = _NAMED.fullmatch(image)
    if match is None:
        raise InvalidRequest(
            f"image {image!r}: name a framework and its version, as in sagemaker:pytorch:2.6:py312",
            code="IMAGE",
        )
    try:
        retrieve = load("sagemaker.core.image_uris:retrieve", extra="sagemaker")
    except MissingExtra as error:
        raise Unsupported(f"{error}; or give an image by its address", code="EXTRA") from error
    framework, version, python = match.groups()
    told = {"version": version, "py_version": python, "instance_type": machine}
    try:
        return str(retrieve(framework=framework, region=region, image_scope="training", **told))
    except FileNotFoundError as error:  # the SDK has a file for each framework that it knows
        raise InvalidRequest(f"image {image!r}: no such framework", code="IMAGE") from error
    except ValueError as error:
        raise InvalidRequest(f"image {image!r}: {error}", code="IMAGE") from error
