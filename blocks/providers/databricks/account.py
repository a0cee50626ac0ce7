"""Where to reach Databricks, as whom, and what everything that is made there is marked with."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, cast

from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.cloud.environment import secret_from, text_from
from blocks.cloud.owners import named
from blocks.contracts import Denied, InvalidRequest
from blocks.providers.databricks.clocks import PATIENCE, Hurry

OWNER_TAG = "bluewater-owner"
CloudName = Literal["aws", "azure", "gcp"]

_MAKING = threading.Lock()


class DatabricksWorkspace(Block):
    """Workspace, credentials and surroundings that all Databricks blocks share.

    What is left empty comes from the environment. Without a service principal's secret or a token
    the SDK's default chain is asked: environment, configuration file, command line. OAuth tokens
    are renewed before they expire.
    """

    _block_type_name = "Databricks workspace"
    _block_type_slug = "databricks-workspace"

    host: str = Field(
        default_factory=text_from("DATABRICKS_HOST"), description="URL of the workspace."
    )
    client_id: str = Field(
        default_factory=text_from("DATABRICKS_CLIENT_ID"), description="OAuth service principal."
    )
    client_secret: SecretStr | None = Field(
        default_factory=secret_from("DATABRICKS_CLIENT_SECRET"), description="Its secret."
    )
    token: SecretStr | None = Field(
        default_factory=secret_from("DATABRICKS_TOKEN"),
        description="Personal access token, where there is no service principal.",
    )
    cloud: CloudName = Field(
        default_factory=lambda: cast(
            CloudName, text_from("BLUEWATER_DATABRICKS_CLOUD", default="aws")()
        ),
        description="The cloud that the workspace is in: its words for spot are its own.",
    )
    catalog: str = Field(
        default_factory=text_from("BLUEWATER_DATABRICKS_CATALOG", default="main"),
        description="Catalog of Unity Catalog for all that is kept.",
    )
    schema_name: str = Field(
        default_factory=text_from("BLUEWATER_DATABRICKS_SCHEMA", default="bluewater"),
        description="Its schema: models, tables and the volume are there.",
    )
    volume: str = Field(
        default_factory=text_from("BLUEWATER_DATABRICKS_VOLUME", default="files"),
        description="Its volume for files.",
    )
    prefix: str = Field(
        default_factory=text_from("BLUEWATER_DATABRICKS_PREFIX", default="bluewater"),
        description="Folder of the volume for all that is kept.",
    )
    scope: str = Field(
        default_factory=text_from("BLUEWATER_DATABRICKS_SCOPE", default="bluewater"),
        description="Secret scope where names of secrets are looked up.",
    )
    warehouse: str = Field(
        default_factory=text_from("DATABRICKS_WAREHOUSE_ID"),
        description="SQL warehouse that reads tables.",
    )
    owner: str = Field(
        default_factory=text_from("BLUEWATER_OWNER", default="bluewater"),
        description="Mark on everything that is made, by which it is found and taken down.",
        pattern=r"^[\w .:/=+@-]{1,200}$",
    )

    def client(self, *, attempts: int = 1) -> WorkspaceClient:
        """Return the workspace's client, made once; safe to share between threads.

        With ``attempts`` above 1 calls are repeated for a while: reads, and what does no harm.
        """
        patient = attempts > 1
        if patient not in self._clients:
            with _MAKING:
                if patient not in self._clients:
                    self._clients[patient] = self._made(patient=patient)
        return self._clients[patient]

    def tags(self, **words: str) -> dict[str, str]:
        """Return the mark of the owner, and more words of ours, as tags."""
        return {OWNER_TAG: self.owner, **{f"bluewater-{k}": v for k, v in words.items()}}

    def named(self, token: str) -> str:
        """Return the name of what is made under a token: no other owner's has the same."""
        return named(self.owner, token)

    @property
    def root(self) -> str:
        """URI below which all is kept."""
        place = f"/Volumes/{self.catalog}/{self.schema_name}/{self.volume}/{self.prefix}"
        return f"dbfs://{place}".rstrip("/")

    @cached_property
    def _clients(self) -> dict[bool, WorkspaceClient]:
        return {}

    def _made(self, *, patient: bool) -> WorkspaceClient:
        if not self.host:
            raise InvalidRequest(
                "no workspace; set host in the Databricks workspace block or DATABRICKS_HOST",
                code="HOST",
            )
        try:
            return WorkspaceClient(config=self._config(patient=patient))
        except ValueError as error:  # what the SDK says to credentials that it cannot use
            raise Denied(
                f"{error}; give the Databricks workspace block a service principal or a token",
                code="NO_CREDENTIAL",
            ) from error

    def _config(self, *, patient: bool) -> Config:
        return Config(
            host=self.host,
            product="bluewater",
            product_version="0",
            retry_timeout_seconds=PATIENCE,
            http_timeout_seconds=120,
            disable_experimental_files_api_client=True,  # files go through the workspace itself
            **({} if patient else {"clock": Hurry()}),
            **self._credentials(),
        )

    def _credentials(self) -> Mapping[str, Any]:
        if self.client_id and self.client_secret is not None:
            return {
                "auth_type": "oauth-m2m",
                "client_id": self.client_id,
                "client_secret": self.client_secret.get_secret_value(),
            }
        if self.token is not None:
            return {"auth_type": "pat", "token": self.token.get_secret_value()}
        return {}
