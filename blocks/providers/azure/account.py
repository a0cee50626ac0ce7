"""Where to reach Azure, as whom, and what everything that is made there is marked with."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import quote

from azure.ai.ml import MLClient
from azure.core.credentials import TokenCredential
from azure.mgmt.monitor import MonitorManagementClient
from azure.storage.blob import BlobServiceClient, LinearRetry
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.cloud.environment import secret_from, text_from
from blocks.cloud.owners import named
from blocks.contracts import InvalidRequest
from blocks.providers.azure.clouds import CLOUDS, CloudName
from blocks.providers.azure.connecting import (
    credential_of,
    registry_client,
    workspace_client,
)
from blocks.providers.azure.demands import Demands
from blocks.providers.azure.lookup import READS

OWNER_TAG = "bluewater-owner"
TOKEN_TAG = "bluewater-token"  # noqa: S105 - the name of a tag

_MAKING = threading.Lock()  # making a client is not safe in many threads; using one is


class AzureAccount(Block):
    """Workspace, credentials and surroundings that all Azure blocks share.

    What is left empty comes from the environment. Without a secret or a managed identity the
    default chain of azure-identity is asked: environment, workload identity, command line. Tokens
    are renewed before they expire.
    """

    _block_type_name = "Azure account"
    _block_type_slug = "azure-account"

    subscription: str = Field(
        default_factory=text_from("AZURE_SUBSCRIPTION_ID"), description="Id of the subscription."
    )
    resource_group: str = Field(
        default_factory=text_from("AZUREML_RESOURCE_GROUP", "AZURE_RESOURCE_GROUP"),
        description="Resource group of the workspace.",
    )
    workspace: str = Field(
        default_factory=text_from("AZUREML_WORKSPACE_NAME", "AZUREML_WORKSPACE"),
        description="Machine Learning workspace.",
    )
    location: str = Field(
        default_factory=text_from("BLUEWATER_AZURE_LOCATION"),
        description="Region of the workspace, e.g. eastus; empty: it is asked.",
    )
    tenant: str = Field(default_factory=text_from("AZURE_TENANT_ID"), description="Entra tenant.")
    client_id: str = Field(
        default_factory=text_from("AZURE_CLIENT_ID"),
        description="Service principal, or with managed_identity a user-assigned identity.",
    )
    client_secret: SecretStr | None = Field(
        default_factory=secret_from("AZURE_CLIENT_SECRET"),
        description="Leave empty to use a managed identity or the default chain.",
    )
    managed_identity: bool = Field(
        default=False, description="Sign in as the identity of this machine."
    )
    cloud: CloudName = Field(default="AzureCloud", description="Which of Azure's clouds.")
    endpoint: str = Field(
        default_factory=text_from("BLUEWATER_AZURE_ENDPOINT"),
        description="Set to reach an emulator instead of Azure.",
    )
    ca_file: str = Field(
        default_factory=text_from("BLUEWATER_AZURE_CA"),
        description="Authority of certificates to trust instead of the usual ones.",
    )
    storage_account: str = Field(
        default_factory=text_from("BLUEWATER_AZURE_STORAGE_ACCOUNT"),
        description="Storage account for all that is kept.",
    )
    container: str = Field(
        default_factory=text_from("BLUEWATER_AZURE_CONTAINER"),
        description="Its container for all that is kept.",
    )
    datastore: str = Field(
        default_factory=text_from("BLUEWATER_AZURE_DATASTORE", default="workspaceblobstore"),
        description="The workspace's datastore for that container.",
    )
    prefix: str = Field(
        default_factory=text_from("BLUEWATER_AZURE_PREFIX", default="bluewater"),
        description="Folder of the container for all that is kept.",
    )
    vault: str = Field(
        default_factory=text_from("BLUEWATER_AZURE_VAULT"), description="Name of the Key Vault."
    )
    demands: Demands = Field(
        default_factory=Demands, description="What the workspace must be like to be used."
    )
    owner: str = Field(
        default_factory=text_from("BLUEWATER_OWNER", default="bluewater"),
        description="Mark on everything that is made, by which it is found and taken down.",
        pattern=r"^[\w .:/=+@-]{1,200}$",
    )

    def ml(self, *, attempts: int = 1) -> MLClient:
        """Return the workspace's client, made once; safe to share between threads.

        ``attempts`` above 1 let it repeat calls that may be repeated: reads, never creates. Raises
        InvalidRequest where the workspace is not as demanded.
        """
        return self._kept(("ml", attempts), lambda: workspace_client(self, attempts))

    def registry(self, name: str, *, attempts: int = 1) -> MLClient:
        """Return the client of a registry, made once; the first one asks where it is."""
        return self._kept(
            (f"registry-{name}", attempts), lambda: registry_client(self, name, attempts)
        )

    def blobs(self, *, attempts: int = 1, storage_account: str = "") -> BlobServiceClient:
        """Return the client of a storage account, by default this account's own."""
        name = storage_account or self.storage_account
        return self._kept(
            (f"blob-{name}", attempts),
            lambda: BlobServiceClient(
                self.endpoint_of_storage(name),
                credential=self.credential,
                # its own way to repeat waits a quarter of a minute before it does
                retry_policy=LinearRetry(backoff=1, retry_total=attempts - 1),
                **self.options(attempts),
            ),
        )

    def monitor(self, *, attempts: int = 1) -> MonitorManagementClient:
        """Return the client of Azure Monitor, made once: metrics, and how machines are scaled."""
        return self._kept(
            ("monitor", attempts),
            lambda: MonitorManagementClient(
                self.credential,
                self.subscription,
                base_url=self.scope.removesuffix("/.default"),
                credential_scopes=[self.scope],
                **self.options(attempts),
            ),
        )

    def options(self, attempts: int) -> dict[str, Any]:
        """Return what every client of Azure is made with."""
        repeats = attempts - 1
        return {
            "retry_total": repeats,
            "retry_connect": repeats,
            "retry_read": repeats,
            "retry_status": repeats,
            "retry_backoff_factor": 0.2,
            "connection_timeout": 10,
            "read_timeout": 120,
            "user_agent": "bluewater",
            **self.trust(),
        }

    def trust(self) -> dict[str, str]:
        """Return what a client is told where certificates are not the usual ones."""
        return {"connection_verify": self.ca_file} if self.ca_file else {}

    def tags(self, **words: str) -> dict[str, str]:
        """Return the mark of the owner, and more words of ours, as tags."""
        return {OWNER_TAG: self.owner, **{f"bluewater-{k}": v for k, v in words.items()}}

    def named(self, token: str) -> str:
        """Return the name of what is made under a token: no other owner's has the same."""
        return named(self.owner, token)

    def endpoint_of_storage(self, name: str) -> str:
        """Return the URL of a storage account's blobs."""
        if self.endpoint:
            return f"{self.endpoint}/{name}"
        return f"https://{name}.blob.{CLOUDS[self.cloud].storage}"

    @property
    def vault_url(self) -> str:
        """Address of the Key Vault. Raises InvalidRequest without one."""
        if not self.vault:
            raise InvalidRequest(
                "no Key Vault; set vault in the Azure account block or BLUEWATER_AZURE_VAULT",
                code="VAULT",
            )
        return self.endpoint or f"https://{self.vault}.{CLOUDS[self.cloud].vault}"

    @property
    def data_plane(self) -> str:
        """Address of the workspace's own services, which are in the region where it is."""
        return self.endpoint or f"https://{self.region}.{CLOUDS[self.cloud].ml}"

    @property
    def tracking(self) -> str:
        """Address of the workspace's MLflow server for MLflow's own client, which brings a token.

        With ``azureml:`` in place of ``https:`` it is the one for Azure's plugin for MLflow.
        """
        return f"{self.data_plane}/mlflow/v1.0{self.resource('').rstrip('/')}"

    @property
    def region(self) -> str:
        """Where the workspace is."""
        return self.location or str(self.ml(attempts=READS).workspaces.get(self.workspace).location)

    def resource(self, path: str) -> str:
        """Return the id of a thing of the workspace, such as ``onlineEndpoints/NAME``."""
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}/providers/"
            f"Microsoft.MachineLearningServices/workspaces/{self.workspace}/{path}"
        )

    @property
    def scope(self) -> str:
        """What tokens for Resource Manager and the workspace's services are asked for."""
        return f"{self.endpoint or f'https://{CLOUDS[self.cloud].arm}'}/.default"

    @property
    def root(self) -> str:
        """URI below which all is kept. Raises InvalidRequest without a container."""
        if not self.storage_account or not self.container:
            raise InvalidRequest(
                "no storage; set storage_account and container in the Azure account block or in "
                "BLUEWATER_AZURE_STORAGE_ACCOUNT and BLUEWATER_AZURE_CONTAINER",
                code="CONTAINER",
            )
        host = f"{self.storage_account}.dfs.{CLOUDS[self.cloud].storage}"
        return f"abfss://{self.container}@{host}/{self.prefix}".rstrip("/")

    def on_datastore(self, uri: str) -> str:
        """Return a URI of this account's container as jobs write to it. Raises InvalidRequest."""
        found = re.fullmatch(r"abfss://([^@/]+)@([^./]+)[^/]*/(.*)", uri)
        if found is None or found[1] != self.container or found[2] != self.storage_account:
            raise InvalidRequest(
                f"{uri!r} is not below {self.root.rpartition('/')[0]}; jobs of Azure Machine "
                "Learning write to a datastore only",
                code="DATASTORE",
            )
        return f"azureml://datastores/{self.datastore}/paths/{quote(found[3])}"

    @cached_property
    def credential(self) -> TokenCredential:
        """Who signs in; tokens are kept and renewed."""
        return credential_of(self)

    def _kept(self, key: tuple[str, int], make: Callable[[], Any]) -> Any:
        if key not in self._clients:
            with _MAKING:
                if key not in self._clients:
                    self._clients[key] = make()
        return self._clients[key]

    @cached_property
    def _clients(self) -> dict[tuple[str, int], Any]:
        return {}
