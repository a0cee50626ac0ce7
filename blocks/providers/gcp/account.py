"""Where to reach Google Cloud, as whom, and what everything that is made there is marked with."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, cast

import google.auth
import grpc
from google.api_core.retry import Retry, if_exception_type
from google.auth import impersonated_credentials
from google.auth.transport.requests import Request
from google.cloud import storage
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.cloud.environment import secret_from, text_from
from blocks.cloud.owners import named
from blocks.contracts import InvalidRequest
from blocks.providers.gcp.errors import PASSING

C = TypeVar("C")

OWNER_LABEL, TOKEN_LABEL = "bluewater-owner", "bluewater-token"
READS: Mapping[str, Any] = {
    "retry": Retry(
        predicate=if_exception_type(*PASSING), initial=0.2, maximum=2.0, multiplier=2.0, timeout=20
    ),
    "timeout": 20.0,
}
"""How calls that may be repeated are repeated."""
ONCE: Mapping[str, Any] = {"retry": None, "timeout": 60.0}
"""How calls that may not be repeated are made: no answer means unknown."""

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_MAKING = threading.Lock()


class GcpAccount(Block):
    """Project, location, credentials and surroundings that all Google Cloud blocks share.

    Without credentials here, those of the machine are used (application default credentials). An
    impersonated service account is impersonated again before its token expires.
    """

    _block_type_name = "Google Cloud account"
    _block_type_slug = "gcp-account"

    project: str = Field(
        default_factory=text_from("BLUEWATER_GCP_PROJECT", "GOOGLE_CLOUD_PROJECT"),
        description="Id of the project.",
    )
    location: str = Field(
        default_factory=text_from("BLUEWATER_GCP_LOCATION", default="us-central1"),
        description="Where Vertex AI runs, e.g. europe-west4.",
    )
    service_account_info: SecretStr | None = Field(
        default=None, description="JSON of a service account's key; empty: the machine's identity."
    )
    access_token: SecretStr | None = Field(
        default_factory=secret_from("BLUEWATER_GCP_TOKEN"),
        description="A token that was made elsewhere; it is not refreshed.",
    )
    impersonate: str = Field(
        default_factory=text_from("BLUEWATER_GCP_IMPERSONATE"),
        description="E-mail of a service account to act as, with the credentials above.",
    )
    token_minutes: int = Field(
        default=60, ge=5, le=720, description="How long one impersonation lasts."
    )
    quota_project: str = Field(
        default_factory=text_from("GOOGLE_CLOUD_QUOTA_PROJECT"),
        description="Project that pays for calls, e.g. for data whose owner does not; empty: "
        "that of the credentials.",
    )
    endpoint: str = Field(
        default_factory=text_from("BLUEWATER_GCP_ENDPOINT"),
        description="https://HOST:PORT of an emulator's gRPC services, instead of Google's.",
    )
    ca_file: str = Field(
        default_factory=text_from("BLUEWATER_GCP_CA"),
        description="Certificate to trust at that endpoint.",
    )
    storage_endpoint: str = Field(
        default_factory=text_from("STORAGE_EMULATOR_HOST"),
        description="URL of an emulator of Cloud Storage, instead of Google's.",
    )
    iam_endpoint: str = Field(
        default_factory=text_from("BLUEWATER_GCP_IAM_ENDPOINT"),
        description="URL of an emulator of IAM's service account credentials, not Google's.",
    )
    service_account: str = Field(
        default_factory=text_from("BLUEWATER_GCP_SERVICE_ACCOUNT"),
        description="E-mail of the service account that jobs and endpoints run as.",
    )
    bucket: str = Field(
        default_factory=text_from("BLUEWATER_GCP_BUCKET"),
        description="Bucket for all that is kept.",
    )
    prefix: str = Field(
        default_factory=text_from("BLUEWATER_GCP_PREFIX", default="bluewater"),
        description="Folder of the bucket for all that is kept.",
    )
    owner: str = Field(
        default_factory=text_from("BLUEWATER_OWNER", default="bluewater"),
        description="Mark on everything that is made, by which it is found and taken down.",
        pattern=r"^[\w .:/=+@-]{1,200}$",
    )
    labels: Mapping[str, str] = Field(
        default={}, description="More labels for everything that is made."
    )
    network: str = Field(
        default_factory=text_from("BLUEWATER_GCP_NETWORK"),
        description="projects/NUMBER/global/networks/NAME to be peered with.",
    )
    network_attachment: str = Field(
        default_factory=text_from("BLUEWATER_GCP_NETWORK_ATTACHMENT"),
        description="Network attachment of a Private Service Connect interface.",
    )
    kms_key: str = Field(
        default_factory=text_from("BLUEWATER_GCP_KMS_KEY"),
        description="Key that encrypts what is made; empty: Google's own.",
    )

    def client(self, kind: type[C], *, host: str = "") -> C:
        """Return a client of that class, made once; safe to share between threads.

        ``kind`` is a client of the generated libraries, such as ``JobServiceClient``; ``host`` is
        where it calls, if that is not where all of its kind do.
        """
        self._act()
        if (kind, host) not in self._clients:
            with _MAKING:
                if (kind, host) not in self._clients:
                    self._clients[kind, host] = self._made(kind, host)
        return cast(C, self._clients[kind, host])

    @property
    def storage(self) -> storage.Client:
        """The client of Cloud Storage."""
        self._act()
        with _MAKING:
            if (storage.Client, "") not in self._clients:
                told = {"api_endpoint": self.storage_endpoint} if self.storage_endpoint else None
                self._clients[storage.Client, ""] = storage.Client(
                    project=self.project_id, credentials=self.credentials, client_options=told
                )
            return self._clients[storage.Client, ""]

    @cached_property
    def credentials(self) -> Any:
        """Google's credentials; they refresh themselves where they can."""
        made = self._source()
        if self.impersonate:
            made = impersonated_credentials.Credentials(
                source_credentials=made,
                target_principal=self.impersonate,
                target_scopes=list(_SCOPES),
                lifetime=60 * self.token_minutes,
                iam_endpoint_override=self._generating,
            )
        return made.with_quota_project(self.quota_project) if self.quota_project else made

    @property
    def project_id(self) -> str:
        """The project. Raises InvalidRequest without one."""
        if not self.project:
            raise InvalidRequest(
                "no project; set it in the Google Cloud account block or in GOOGLE_CLOUD_PROJECT",
                code="PROJECT",
            )
        return self.project

    @property
    def parent(self) -> str:
        """The name below which everything of Vertex AI is."""
        return f"projects/{self.project_id}/locations/{self.location}"

    @property
    def root(self) -> str:
        """URI below which all is kept. Raises InvalidRequest without a bucket."""
        if not self.bucket:
            raise InvalidRequest(
                "no bucket; set it in the Google Cloud account block or in BLUEWATER_GCP_BUCKET",
                code="BUCKET",
            )
        return f"gs://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def owner_label(self) -> str:
        """The owner as a label can hold it: an owner that cannot be one is told by its hash."""
        if _LABEL.fullmatch(self.owner):
            return self.owner
        return f"owner-{hashlib.sha256(self.owner.encode()).hexdigest()[:24]}"

    @property
    def mine(self) -> str:
        """The filter of lists that leaves only what is ours."""
        return f'labels.{OWNER_LABEL}="{self.owner_label}"'

    def marked(self, **words: str) -> dict[str, str]:
        """Return the labels of what is made: the owner's, and more words of ours."""
        told = {f"bluewater-{name}": value for name, value in words.items()}
        return {**self.labels, OWNER_LABEL: self.owner_label, **told}

    def named(self, token: str) -> str:
        """Return the display name of what is made under a token; no other owner's is the same."""
        return named(self.owner, token)

    @cached_property
    def _clients(self) -> dict[tuple[type[Any], str], Any]:
        return {}

    @property
    def _generating(self) -> str | None:
        """Where tokens of the impersonated account are made, if not at Google's address."""
        if not self.iam_endpoint:
            return None
        where = f"{self.iam_endpoint.rstrip('/')}/v1/projects/-/serviceAccounts"
        return f"{where}/{self.impersonate}:generateAccessToken"

    def _act(self) -> None:
        """Have a token of the impersonated account; gRPC would tell a no to that as an outage."""
        if not self.impersonate or self.credentials.valid:
            return
        with _MAKING:
            if not self.credentials.valid:
                self.credentials.refresh(Request())

    def _source(self) -> Any:
        if self.access_token is not None:
            return Credentials(self.access_token.get_secret_value())
        if self.service_account_info is not None:
            info = json.loads(self.service_account_info.get_secret_value())
            made = service_account.Credentials.from_service_account_info
            return made(info, scopes=list(_SCOPES))
        return google.auth.default(scopes=list(_SCOPES))[0]

    def _made(self, kind: Any, host: str) -> Any:
        host = host.removeprefix("https://") or kind.DEFAULT_ENDPOINT
        if host == "aiplatform.googleapis.com":
            host = f"{self.location}-{host}"
        trusted = grpc.ssl_channel_credentials(
            Path(self.ca_file).read_bytes() if self.endpoint and self.ca_file else None
        )
        transport = kind.get_transport_class("grpc")(
            host=self.endpoint.removeprefix("https://") or host,
            credentials=self.credentials,
            ssl_channel_credentials=trusted,
        )
        return kind(transport=transport)
