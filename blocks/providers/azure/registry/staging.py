"""Bringing a model's files to where a registry takes them from: a place of its own, by a link."""

from __future__ import annotations

from typing import Any

from azure.ai.ml._utils._registry_utils import (
    get_asset_body_for_registry_storage,
    get_sas_uri_for_registry_asset,
)
from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import ContainerClient

from blocks.providers.azure.objects import Objects

_KIND = "models"


def stage(
    objects: Objects,
    folder: str,
    *,
    models: Any,
    registry: str,
    version: tuple[str, str],
    options: dict[str, Any],
) -> str:
    """Copy a folder to the registry's place for a name and a number; return where it lies there.

    The files go by way of this machine, piece by piece: the SDK would take them from a disk, in a
    way that knows of no account. Whoever wants the same number is given the same place, so each
    writes below a name of its own, that of the token before ``/model``.

    Raises:
        ResourceExistsError: that version is there already.
    """
    name, number = version
    link = get_sas_uri_for_registry_asset(
        service_client=models._registry_service_client,
        name=name,
        version=number,
        resource_group=models._resource_group_name,
        registry=registry,
        body=get_asset_body_for_registry_storage(registry, _KIND, name, number),
    )
    if link is None:
        raise ResourceExistsError(f"version {number} of {name!r} is in {registry!r} already")
    inside = folder.removesuffix("/model").rpartition("/")[2]
    with ContainerClient.from_container_url(link, **options) as container:
        for each in objects.below(folder):
            blob = container.get_blob_client(f"{inside}/{each.name}")
            blob.upload_blob(objects.parts(each), length=each.size, overwrite=True)
    return f"{link.partition('?')[0].rstrip('/')}/{inside}"
