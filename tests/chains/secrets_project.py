"""A project that is given secrets, and a flow that is careless with them."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.events import emit_event

import flows  # noqa: F401  # as a worker does: now logs go where the environment says
from blocks.contracts import ProviderError
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.store import AwsStore
from tests.chains.project import make_project

BELIEVED = "a word that everybody may read"


def make_secret_project(folder: Path) -> Path:
    """Write the project; training and endpoint name secrets of the store."""
    file = make_project(folder)
    code = folder / "code" / "train.py"
    needs = 'import os\nassert os.environ["DATABASE_PASSWORD"], "no password came"\n'
    code.write_text(needs + code.read_text())
    specification = yaml.safe_load(file.read_text())
    specification["training"]["secrets"] = {"DATABASE_PASSWORD": "database"}
    specification["rollout"]["serving"] = {"token_secret": "endpoint"}
    file.write_text(yaml.safe_dump(specification))
    return file


@task
def read_with(account: AwsAccount) -> None:
    """Ask somebody who does not answer, with the keys of an account."""
    AwsStore(account=account).read("s3://nowhere/nothing")


@flow
def careless(account: AwsAccount) -> None:
    """Show a block everywhere that a person might, then fail with it in hand."""
    get_run_logger().info("%s %r %s", BELIEVED, account, account.model_dump_json())
    create_markdown_artifact(key="account", markdown=f"{BELIEVED} {account}")
    resource = {"prefect.resource.id": "bluewater.account"}
    emit_event("bluewater.account", resource=resource, payload={"account": str(account)})
    try:
        read_with(account)
    except ProviderError as error:
        raise ValueError(f"{BELIEVED}: no luck with {account}: {error}") from error


if __name__ == "__main__":
    saved = AwsAccount.load(sys.argv[1])
    careless(saved, return_state=True)
