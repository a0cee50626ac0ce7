"""Where a command runs: the platform it works on, and the Prefect server that shows it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from blocks import registry
from tasks.specification.files import read_mapping
from tasks.specification.problems import SpecificationRefused, from_validation_error

PREFECT = "PREFECT_API_URL"


def platform(name: str | None) -> Any:
    """Return the Platform of that name: a YAML file, a Prefect block, or this machine."""
    kind = registry.load("blocks.platform:Platform")
    if not name:
        return kind(name="this machine", processing="local-processing")
    file = Path(name)
    if file.suffix in {".yaml", ".yml"}:
        return _from_file(file, kind)
    try:
        return kind.load(name)
    except ValueError as error:
        raise click.UsageError(
            f"--platform {name}: no Prefect block bluewater-platform/{name}; "
            "save one, or name a YAML file"
        ) from error


def _from_file(file: Path, kind: Any) -> Any:
    """Return the Platform of a YAML file. Raises SpecificationRefused with every problem in it."""
    try:
        return kind.model_validate(read_mapping(file))
    except ValidationError as error:
        raise SpecificationRefused(from_validation_error(error)) from error


def services() -> Any:
    """Return what starts and lists the pages of this machine."""
    path = registry.provider("local").services
    return registry.load(str(path))()


def prefect_server() -> str:
    """Return the address of the Prefect server in force; start one here where there is none.

    Must run before Prefect is imported: Prefect reads its settings once.
    """
    if url := os.environ.get(PREFECT):
        return url
    pages = services()
    pages.start("prefect")
    os.environ.update(pages.prefect_settings())
    return os.environ[PREFECT]


def local_server() -> str:
    """Return the address of this machine's own Prefect server, whatever else is in force."""
    pages = services()
    pages.start("prefect", "mlflow")
    os.environ.update(pages.prefect_settings())
    return os.environ[PREFECT]
