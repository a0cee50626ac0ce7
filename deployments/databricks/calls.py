"""``python -m deployments.databricks.calls``: write down which calls a release makes there."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from blocks.contracts import Contract
from blocks.providers.databricks.account import DatabricksWorkspace
from blocks.providers.databricks.emulator import launch
from blocks.providers.databricks.secret import keep_secret
from blocks.providers.databricks.volumes import Volumes
from blocks.registry import implementation
from deployments.calls import Place, Words, page, play, prepare
from deployments.databricks.besides import besides

C = TypeVar("C", bound=Contract)

PAGE = Path(__file__).with_name("CALLS.md")
IMAGE = "registry.example.com/bluewater:1"
RELEASE = "bluewater-release"  # the service principal as which the release calls
SCHEMA, VOLUME = "bluewater", "files"
_HERE = re.compile(r"http://127\.0\.0\.1:\d+")
_HOST = "https://dbc-a1b2345c-d6e7.cloud.databricks.com"
_BLOTTED = re.compile(  # what is another one each time: code that is shipped, words, ids
    r"(?<=/kit/)[0-9a-f]{16}(?=\.zip)|(?<=/kit/start-)[0-9a-f]{16}(?=\.py)|(?<=#)[0-9a-f]{32}(?=\")"
    r"|(?<=-flights-)[0-9a-f]{8}(?=\")|(?<=-pool-)[0-9a-f]{8}"
    r"|(?<=_)[0-9a-f]{8}(?=_baseline|_requests|_payload|\")"
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
_MOMENTS = (
    (re.compile(r"\b20\d\d-\d\d-\d\dT[\d:.]+Z"), "2026-05-01T00:00:00Z"),
    (re.compile(r'(?<=_expression": ")\d+ \d+ \d+(?=/)'), "0 0 0"),
    (re.compile(r'(?<=_expression": ")\d+ \d+(?= \*)'), "0 0"),
)
_TOKEN = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_READS = ("get", "list", "query", "logs", "search", "export")


def _where(call: Mapping[str, Any]) -> str:
    """Return the path that a call was made on: names are in it that are not in the body."""
    return f"`{re.sub(r'^/api/[0-9.]+/', '', str(call['resource']))}`"


WORDS = Words(
    name="the workspace",
    intro=(
        "One release on Databricks, played by `python -m deployments.databricks.calls` in an "
        "emulated workspace with two variants, and what the blocks can be set up for besides. "
        "Every call of jobs, models, serving, tables and monitors that changes something is here "
        "as it goes over the wire, in order, after its path; each stage begins with what has to be "
        "granted for it. Tokens are numbered, and names of what is shipped are blotted out, where "
        "they are others each time. Files of the volume are not shown. A test plays it all again "
        "and compares, holds each call against the SDK's own signatures, and what is taken against "
        "the grants that are shipped."
    ),
    services=("jobs", "serving", "mlflow-uc", "catalog", "sql", "dataquality"),
    is_read=lambda operation: operation.rpartition(".")[2].startswith(_READS),
    where=_where,
    rights="It takes",
)


def told() -> str:
    """Play a release in a workspace of its own, and return the page."""
    with tempfile.TemporaryDirectory() as scratch, _place(Path(scratch)) as (place, account, owner):
        stages = besides(account, owner)
        written = page(list(play(place, Path(scratch), WORDS, besides=stages)), WORDS)
    for pattern, told_as in _MOMENTS:
        written = pattern.sub(told_as, written)
    return _numbered(_BLOTTED.sub(lambda found: "." * len(found[0]), _HERE.sub(_HOST, written)))


def _numbered(text: str) -> str:
    """Return a page with tokens by number: they are of requests with the workspace's address."""
    tokens = list(dict.fromkeys(_TOKEN.findall(text)))
    return _TOKEN.sub(lambda found: f"{tokens.index(found[0]) + 1:032d}", text)


@contextmanager
def _place(folder: Path) -> Iterator[tuple[Place, DatabricksWorkspace, DatabricksWorkspace]]:
    """Open a workspace in which the code, the data and the secrets are."""
    with launch.workspace(folder / "databricks", preloaded=True) as emulator:
        emulator.pull("schema", schema=SCHEMA, volume=VOLUME)
        given: dict[str, Any] = {
            "host": emulator.url,
            "client_secret": SecretStr("rehearsal"),
            "cloud": "aws",
            "catalog": launch.CATALOG,
            "schema_name": SCHEMA,
            "volume": VOLUME,
            "prefix": "bluewater",
            "scope": launch.SCOPE,
            "warehouse": launch.WAREHOUSE,
            "owner": "team-a",
        }
        owner = DatabricksWorkspace(**given, client_id="bluewater-owner")
        for name, value in (
            ("api-key", "sesame"),
            ("client-id", launch.CONTAINERS),
            ("client-secret", "rehearsal"),
        ):
            keep_secret(owner, name, value)
        prepare(Volumes(owner), owner.root)
        account = DatabricksWorkspace(**given, client_id=RELEASE)

        def connect(contract: type[C]) -> C:
            cls: Callable[..., C] = implementation("databricks", contract)
            image = {"image": IMAGE, "wheel": ""} if contract.capability == "batch" else {}
            return cls(account=account, **image)

        place = Place(
            emulator=emulator,
            connect=connect,
            bucket=Volumes(account),
            root=account.root,
            image=IMAGE,
            machine="m5.xlarge",
            serves_on="CPU",
            key=RELEASE,
        )
        yield place, account, owner


if __name__ == "__main__":
    PAGE.write_text(told())
    sys.stdout.write(f"{PAGE}\n")
