"""An emulated account in which nobody of ours was before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blocks.providers.aws.emulator import launch
from blocks.providers.aws.emulator.launch import Account
from blocks.testing.waiting import until
from tests.unit.aws.emulator.callers import BUCKET, client, config, model, status, variant


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Account]:
    with launch.account(tmp_path / "aws", preloaded=True, grace=1.0) as account:
        yield account


@pytest.fixture(scope="package")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Yield an account with a model, a configuration of it, an endpoint and a group."""
    place = tmp_path_factory.mktemp("refusing") / "aws"
    with launch.account(place, preloaded=True, grace=1.0) as emulator:
        sagemaker = client(emulator, "sagemaker")
        client(emulator, "s3").create_bucket(Bucket=BUCKET)
        sagemaker.create_model(**model(ModelName="there"))
        sagemaker.create_endpoint_config(**config(variant(), EndpointConfigName="kept"))
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="kept")
        sagemaker.create_model_package_group(ModelPackageGroupName="group")
        until(lambda: status(sagemaker, "e") == "InService")
        yield emulator
