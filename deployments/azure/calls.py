"""``python -m deployments.azure.calls``: write down which calls a release makes in Azure ML."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from blocks.contracts import Contract
from blocks.providers.azure.account import AzureAccount
from blocks.providers.azure.emulated_account import emulated_account
from blocks.providers.azure.emulator import launch
from blocks.providers.azure.objects import Objects
from blocks.providers.azure.secret import vault
from blocks.registry import implementation
from deployments.azure.besides import besides
from deployments.calls import Place, Words, page, play, prepare

C = TypeVar("C", bound=Contract)

PAGE = Path(__file__).with_name("CALLS.md")
IMAGE = "registry.azurecr.io/bluewater:1"
RELEASE = "bluewater-release"  # the application as which the release calls
_IMAGES = ("endpoints", "batch")  # what takes an image
_HERE = re.compile(r"https://127\.0\.0\.1:\d+")
_MADE, _THEN = re.compile(r'("bluewater-made": ")[^"]*'), "2026-05-01T00:00:00+00:00"
_PLACE = re.compile(r"(registry-)[0-9a-f-]{36}")  # a container, whose name is the service's
_STATUS, _ANY = re.compile(r"(mfeOperationsStatus/od:)[0-9a-f-]+"), "0" * 8
_GIT = re.compile(r'"properties": \{\s*"(mlflow\.source|azureml)\.git[^}]*\}')  # of where it is run


def _where(call: Mapping[str, Any]) -> str:
    """Return what a call was made on: its name is not in what is sent."""
    path = str(call["resource"])
    kind = "/registries/" if "/registries/" in path else "/workspaces/"
    inside = path.partition(kind)[2].partition("/")[2]
    return f"`{inside or path.rpartition('/providers/')[2]}`"


WORDS = Words(
    name="the workspace",
    intro=(
        "One release on Azure Machine Learning, played by `python -m deployments.azure.calls` in "
        "an emulated subscription with two variants. Every call that changes something in the "
        "workspace, or says how it is scaled, is here as it goes over the wire, in order, after "
        "its path; the address of the emulated storage is that of Azure's. A test plays the "
        "release again and compares, and holds each call against the SDK's own models."
    ),
    services=("ml", "insights"),
    is_read=lambda operation: operation.rpartition(".")[2].startswith(("Get", "List")),
    where=_where,
)


def told() -> str:
    """Play a release in a subscription of its own, and return the page."""
    with tempfile.TemporaryDirectory() as scratch, _place(Path(scratch)) as (place, account):
        stages = besides(account)
        written = page(list(play(place, Path(scratch), WORDS, besides=stages)), WORDS)
    written = _PLACE.sub(rf"\g<1>{_ANY}", written)
    written = _STATUS.sub(rf"\g<1>{_ANY}", _MADE.sub(rf"\g<1>{_THEN}", written))
    return _GIT.sub('"properties": {}', _HERE.sub("https://blob.core.windows.net", written))


@contextmanager
def _place(folder: Path) -> Iterator[tuple[Place, AzureAccount]]:
    """Open a subscription in which the code, the data and a secret are."""
    with launch.subscription(folder / "azure", preloaded=True, grace=2.0) as emulator:
        owner = emulated_account(emulator, owner="team-a", client="bluewater-owner")
        owner.blobs().create_container(launch.CONTAINER)
        vault(owner).set_secret("api-key", "sesame")
        prepare(Objects(owner), owner.root)
        account = emulated_account(emulator, owner="team-a", client=RELEASE)

        def connect(contract: type[C]) -> C:
            cls: Callable[..., C] = implementation("azure", contract)
            image = {"image": IMAGE} if contract.capability in _IMAGES else {}
            return cls(account=account, **image)

        place = Place(
            emulator=emulator,
            connect=connect,
            bucket=Objects(account),
            root=account.root,
            image=IMAGE,
            machine="Standard_D4s_v3",
            key=RELEASE,
        )
        yield place, account


if __name__ == "__main__":
    PAGE.write_text(told())
    sys.stdout.write(f"{PAGE}\n")
