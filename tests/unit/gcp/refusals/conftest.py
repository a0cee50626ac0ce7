"""A project of its own, of which things are asked that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import aiplatform_v1 as v1
from pydantic import SecretStr

from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator import launch


@pytest.fixture(scope="package")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcpAccount]:
    folder: Path = tmp_path_factory.mktemp("refusals") / "gcp"
    with launch.project(folder, preloaded=True, grace=1.0) as project:
        yield GcpAccount(
            project=project.project,
            location=project.location,
            access_token=SecretStr("ya29.somebody"),
            endpoint=project.endpoint,
            ca_file=str(project.ca_file),
            storage_endpoint=project.url,
            bucket="plain",
        )


@pytest.fixture
def jobs(account: GcpAccount) -> v1.JobServiceClient:
    return account.client(v1.JobServiceClient)


@pytest.fixture
def endpoints(account: GcpAccount) -> v1.EndpointServiceClient:
    return account.client(v1.EndpointServiceClient)


@pytest.fixture
def models(account: GcpAccount) -> v1.ModelServiceClient:
    return account.client(v1.ModelServiceClient)
