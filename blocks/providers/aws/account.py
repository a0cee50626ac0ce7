"""Where to reach AWS, as whom, and what everything that is made there is marked with."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.cloud.environment import list_from, text_from
from blocks.cloud.owners import named
from blocks.contracts import InvalidRequest

OWNER_TAG = "bluewater:owner"
TOKEN_TAG = "bluewater:token"  # noqa: S105 - the name of a tag

# Reading a service's model costs 100 ms and more; every session of this process shares it.
_LOADER = botocore.loaders.create_loader(os.environ.get("AWS_DATA_PATH"))
_MAKING = threading.Lock()  # making a client is not safe in many threads; using one is


class AwsAccount(Block):
    """Region, credentials and surroundings that all AWS blocks share.

    What is left empty comes from the environment, as everywhere on AWS: a profile, an instance's
    role, ``AWS_ENDPOINT_URL``. A role that is assumed is assumed again before it expires.
    """

    _block_type_name = "AWS account"
    _block_type_slug = "aws-account"

    region: str = Field(
        default_factory=text_from("AWS_REGION", "AWS_DEFAULT_REGION"),
        description="AWS region, e.g. eu-central-1.",
    )
    profile: str = Field(default="", description="Profile of ~/.aws, where keys come from there.")
    access_key_id: SecretStr | None = Field(
        default=None, description="Leave empty to use a profile or the machine's role."
    )
    secret_access_key: SecretStr | None = Field(
        default=None, description="Goes with access_key_id."
    )
    session_token: SecretStr | None = Field(default=None, description="Goes with keys that expire.")
    assume_role_arn: str = Field(
        default_factory=text_from("BLUEWATER_AWS_ASSUME_ROLE"),
        description="Role to act as, assumed with the credentials above and kept fresh.",
    )
    role_session_minutes: int = Field(
        default=60, ge=15, le=720, description="How long one assumption of that role lasts."
    )
    external_id: str = Field(default="", description="Asked for by some roles of others.")
    endpoint_url: str = Field(
        default_factory=text_from("AWS_ENDPOINT_URL"),
        description="Set to reach an emulator instead of AWS.",
    )
    role_arn: str = Field(
        default_factory=text_from("BLUEWATER_AWS_ROLE"),
        description="Role that jobs and endpoints run as.",
    )
    bucket: str = Field(
        default_factory=text_from("BLUEWATER_AWS_BUCKET"),
        description="Bucket for all that is kept.",
    )
    prefix: str = Field(
        default_factory=text_from("BLUEWATER_AWS_PREFIX", default="bluewater"),
        description="Folder of the bucket for all that is kept.",
    )
    owner: str = Field(
        default_factory=text_from("BLUEWATER_OWNER", default="bluewater"),
        description="Mark on everything that is made, by which it is found and taken down.",
        pattern=r"^[\w .:/=+@-]{1,200}$",
    )
    subnets: tuple[str, ...] = Field(
        default_factory=list_from("BLUEWATER_AWS_SUBNETS"), description="Subnets to run in."
    )
    security_groups: tuple[str, ...] = Field(
        default_factory=list_from("BLUEWATER_AWS_SECURITY_GROUPS"),
        description="Security groups that go with the subnets.",
    )
    kms_key: str = Field(
        default_factory=text_from("BLUEWATER_AWS_KMS_KEY"),
        description="Key that encrypts what is written; empty: the service's own.",
    )
    network_isolation: bool = Field(
        default=False, description="Cut containers off from every network, AWS's own included."
    )

    def client(self, service: str, *, attempts: int = 1, region: str = "") -> Any:
        """Return boto3's client of a service, made once; safe to share between threads.

        ``attempts`` above 1 let botocore repeat calls that may be repeated: reads, never creates.
        ``region`` is another one than the account's, for the few services that have one alone.
        """
        key = (service, attempts, region)
        if key not in self._clients:
            with _MAKING:
                if key not in self._clients:
                    self._clients[key] = self._made(service, attempts, region)
        return self._clients[key]

    def tags(self, **words: str) -> list[dict[str, str]]:
        """Return the mark of the owner, and more words of ours, as SageMaker takes tags."""
        told = {OWNER_TAG: self.owner}
        told.update({f"bluewater:{name}": value for name, value in words.items()})
        return [{"Key": key, "Value": value} for key, value in told.items()]

    def named(self, token: str) -> str:
        """Return the name of what is made under a token: no other owner's has the same."""
        return named(self.owner, token)

    def vpc(self) -> Mapping[str, list[str]] | None:
        """Return the VpcConfig of jobs and models, if they run in a network of ours."""
        if not self.subnets:
            return None
        return {"Subnets": list(self.subnets), "SecurityGroupIds": list(self.security_groups)}

    @property
    def root(self) -> str:
        """URI below which all is kept. Raises InvalidRequest without a bucket."""
        if not self.bucket:
            raise InvalidRequest(
                "no bucket; set it in the AWS account block or in BLUEWATER_AWS_BUCKET",
                code="BUCKET",
            )
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    @property
    def execution_role(self) -> str:
        """ARN of the role that jobs run as. Raises InvalidRequest without one."""
        if not self.role_arn:
            raise InvalidRequest(
                "no role for jobs; set role_arn in the AWS account block or BLUEWATER_AWS_ROLE",
                code="ROLE",
            )
        return self.role_arn

    def credentials(self) -> Any:
        """Return botocore's credentials; those of an assumed role refresh themselves."""
        return self._boto3.get_credentials()

    @cached_property
    def _clients(self) -> dict[tuple[str, int, str], Any]:
        return {}

    @cached_property
    def _boto3(self) -> boto3.Session:
        session = self._core()
        if self.assume_role_arn:
            session._credentials = self._assumed(session)
        return boto3.Session(botocore_session=session)

    def _core(self) -> botocore.session.Session:
        session = botocore.session.Session(profile=self.profile or None)
        session.register_component("data_loader", _LOADER)
        if self.region:
            session.set_config_variable("region", self.region)
        if self.access_key_id is not None and self.secret_access_key is not None:
            session.set_credentials(
                self.access_key_id.get_secret_value(),
                self.secret_access_key.get_secret_value(),
                self.session_token.get_secret_value() if self.session_token else None,
            )
        return session

    def _assumed(self, session: botocore.session.Session) -> DeferredRefreshableCredentials:
        told: dict[str, Any] = {
            "RoleSessionName": "bluewater",
            "DurationSeconds": 60 * self.role_session_minutes,
        }
        if self.external_id:
            told["ExternalId"] = self.external_id
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=partial(
                self._core().create_client,
                region_name=self.region or None,
                endpoint_url=self.endpoint_url or None,
            ),
            source_credentials=session.get_credentials(),
            role_arn=self.assume_role_arn,
            extra_args=told,
        )
        return DeferredRefreshableCredentials(
            refresh_using=fetcher.fetch_credentials, method="assume-role"
        )

    def _made(self, service: str, attempts: int, region: str) -> Any:
        return self._boto3.client(
            service,
            region_name=region or None,
            endpoint_url=self.endpoint_url or None,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": attempts},
                user_agent_extra="bluewater",
                connect_timeout=10,
            ),
        )
