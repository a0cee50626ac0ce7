"""What SageMaker puts below /opt/ml/model before a container starts."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from blocks.providers.aws.emulator.objects import Objects


class NoModel(Exception):
    """There is no model to put there, or it is not one that may be put there."""


def source_of(container: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Return where a container's model is, and whether it is packed; None without one.

    ``ModelDataUrl`` names an archive; ``ModelDataSource`` an archive, or what is below a prefix.
    """
    if url := container.get("ModelDataUrl"):
        return str(url), True
    if "ModelDataSource" not in container:
        return None
    source = container["ModelDataSource"]["S3DataSource"]
    return str(source["S3Uri"]), source["CompressionType"] == "Gzip"


def bring(objects: Objects, container: Mapping[str, Any], place: Path) -> None:
    """Download and unpack a container's model. Raises NoModel."""
    place.mkdir(parents=True)
    found = source_of(container)
    if found is None:
        return
    uri, packed = found
    if not packed:
        objects.download(uri, place)
        return
    content = objects.read(uri)
    if content is None:
        raise NoModel(f"Could not find model data at {uri}.")
    unpack(content, place)


def unpack(content: bytes, place: Path) -> None:
    """Unpack an archive of files and folders. Raises NoModel for anything else in it.

    A name that leads out of the folder is refused, and so is every link: what it means depends on
    what lies where it is unpacked.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive.getmembers():
                if not (member.isreg() or member.isdir()):
                    raise NoModel(f"the model archive has a link or a device: {member.name}")
                if not (place / member.name).resolve().is_relative_to(place.resolve()):
                    raise NoModel(f"the model archive leads out of its folder: {member.name}")
            archive.extractall(place, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise NoModel(f"the model archive cannot be unpacked: {error}") from error
