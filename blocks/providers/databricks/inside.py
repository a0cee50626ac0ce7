"""A workspace as what runs in it sees it: with what its environment says of it and of itself."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config

from blocks.providers.databricks.clocks import PATIENCE, Hurry


class Inside:
    """The clients of a container; a token or a service principal's secret is in its variables."""

    def client(self, *, attempts: int = 1) -> WorkspaceClient:
        """Return the workspace's client, made once; with more attempts calls are repeated."""
        return self._patient if attempts > 1 else self._once

    @cached_property
    def _patient(self) -> WorkspaceClient:
        return WorkspaceClient(config=_config())

    @cached_property
    def _once(self) -> WorkspaceClient:
        return WorkspaceClient(config=_config(clock=Hurry()))


def _config(**more: Any) -> Config:
    return Config(
        product="bluewater",
        product_version="0",
        retry_timeout_seconds=PATIENCE,
        http_timeout_seconds=120,
        disable_experimental_files_api_client=True,  # files go through the workspace itself
        **more,
    )
