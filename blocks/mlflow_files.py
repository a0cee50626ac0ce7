"""Where MLflow finds who keeps the files of runs whose address begins with ``azureml:``.

MLflow imports this with itself, whether or not there is an SDK of Azure.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from blocks.registry import load

_PLUGIN = "azureml.mlflow.entry_point_loaders:azureml_artifacts_builder"
_OURS = "blocks.providers.azure.run_files:AzureRunFiles"


def azure_files(
    artifact_uri: str | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
) -> Any:
    """Return what reads and writes the files of a run; Azure's own plugin, where it is installed.

    Raises MissingExtra without the SDK of Azure.
    """
    if find_spec("azureml") and find_spec("azureml.mlflow"):
        return load(_PLUGIN)(artifact_uri, tracking_uri)
    return load(_OURS, extra="azure")(artifact_uri, tracking_uri, registry_uri)
