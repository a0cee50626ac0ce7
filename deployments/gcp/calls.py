"""``python -m deployments.gcp.calls``: write down which calls a release makes in Vertex AI.

It is played with every setting that an account can have.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from blocks.contracts import BatchRequest, Contract, ModelRegistry, RunKey
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator import launch
from blocks.providers.gcp.gcs import Objects
from blocks.providers.gcp.models import VertexModels
from blocks.providers.gcp.prediction.batch import VertexBatchPrediction
from blocks.providers.gcp.secret_levers import keep_secret
from blocks.registry import implementation
from blocks.testing.waiting import until
from deployments.calls import Place, Section, Words, page, play, prepare

C = TypeVar("C", bound=Contract)

PAGE = Path(__file__).with_name("CALLS.md")
IMAGE = "us-docker.pkg.dev/rehearsal-project/bluewater/bluewater:1"
RELEASE = "ya29.of-the-release"  # the token by which the release calls
WORDS = Words(
    name="Vertex AI",
    intro=(
        "One release on Vertex AI, played by `python -m deployments.gcp.calls` in an emulated "
        "project with a network, a key and two variants. Every call that changes something is "
        "here as it goes over the wire, in order; the label of a move of traffic and the etag, "
        "other ones each time, are blotted out. A test plays the release again and compares, and "
        "reads each call with the service's published messages."
    ),
    services=("aiplatform",),
    is_read=lambda operation: operation.startswith(("Get", "List", "Predict", "RawPredict")),
)
_IMAGES = ("endpoints", "batch")  # what takes an image
_MAPS = ("labels", "trafficSplit")
_EACH_TIME = re.compile(
    r'(?<="bluewater-move": ")[0-9a-f]{12}(?=")|(?<="etag": ")[0-9a-f]{32}(?=")'
)


def told() -> str:
    """Play a release in a project of its own, and return the page."""
    with tempfile.TemporaryDirectory() as scratch, _place(Path(scratch)) as place:
        played = play(place, Path(scratch), WORDS, besides=_BESIDES)
        sections = [_ordered(each) for each in played]
        return _EACH_TIME.sub("............", page(sections, WORDS))


def _predict(place: Place) -> None:
    """Score the data set that the release has scored by a batch prediction job, too."""
    models = place.connect(ModelRegistry)
    version = models.resolve("flights", "champion")
    assert isinstance(models, VertexModels)  # noqa: S101
    assert version is not None  # noqa: S101 - the stages come in order
    jobs = VertexBatchPrediction(account=_no_network(models.account), image=IMAGE, replicas=2)
    request = BatchRequest(
        model=version,
        data_uri=f"{place.root}/rows",
        output_uri=f"{place.root}/predicted",
        machine=place.machine,
    )
    ref = jobs.submit(request, key=RunKey(run="2026-05-01", step="predict"))
    until(lambda: jobs.status(ref).phase.done, within=120)


def _no_network(account: GcpAccount) -> GcpAccount:
    """Return the account for what runs in no network of its own."""
    return account.model_copy(update={"network": ""})


_BESIDES = (("The same by a batch prediction job, on two machines", _predict),)


def _ordered(section: Section) -> Section:
    """Put the entries of maps in order: on the wire they have none."""
    changes = [{**each, "request": _sorted(each["request"])} for each in section.changes]
    return replace(section, changes=changes)


def _sorted(value: Any, name: str = "") -> Any:
    if isinstance(value, list):
        return [_sorted(each) for each in value]
    if not isinstance(value, dict):
        return value
    names = sorted(value) if name in _MAPS else value
    return {each: _sorted(value[each], each) for each in names}


@contextmanager
def _place(folder: Path) -> Iterator[Place]:
    """Open a project in which the code, the data and a secret are."""
    with launch.project(folder / "gcp", preloaded=True, grace=2.0) as emulator:
        given: dict[str, Any] = {
            "project": emulator.project,
            "location": emulator.location,
            "endpoint": emulator.endpoint,
            "ca_file": str(emulator.ca_file),
            "storage_endpoint": emulator.url,
            "service_account": "jobs@rehearsal-project.iam.gserviceaccount.com",
            "bucket": "models",
            "prefix": "bluewater",
            "owner": "team-a",
            "impersonate": "",
            "network": "projects/123456789012/global/networks/ml",
            "network_attachment": "",
            "kms_key": "projects/rehearsal-project/locations/us-central1/keyRings/ml/cryptoKeys/ml",
        }
        owner = GcpAccount(**given, access_token=SecretStr("ya29.of-the-owner"))
        owner.storage.create_bucket(owner.bucket)
        keep_secret(owner, "api-key", "sesame")
        prepare(Objects(owner.storage), owner.root)
        account = GcpAccount(**given, access_token=SecretStr(RELEASE))

        def connect(contract: type[C]) -> C:
            cls: Callable[..., C] = implementation("gcp", contract)
            image = {"image": IMAGE} if contract.capability in _IMAGES else {}
            return cls(account=account, **image)

        yield Place(
            emulator=emulator,
            connect=connect,
            bucket=Objects(account.storage),
            root=account.root,
            image=IMAGE,
            machine="n1-standard-4",
            key=RELEASE,
        )


if __name__ == "__main__":
    PAGE.write_text(told())
    sys.stdout.write(f"{PAGE}\n")
