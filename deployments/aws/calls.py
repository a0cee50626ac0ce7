"""``python -m deployments.aws.calls``: write down which calls a release makes, word by word.

A release is played in an emulated account with every setting that an account can have; what
changes anything in SageMaker is written down as it went over the wire.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from blocks.contracts import (
    BatchRequest,
    Capture,
    Frozen,
    Mirror,
    ModelDraft,
    ModelVersion,
    OperationRef,
    OperationStatus,
    RunKey,
    Serving,
    Traffic,
    TrainingRequest,
    TrainingResult,
    VariantRequest,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.batch import SageMakerBatch
from blocks.providers.aws.emulator import launch
from blocks.providers.aws.endpoints import SageMakerEndpoints
from blocks.providers.aws.inventory import AwsInventory
from blocks.providers.aws.models import SageMakerModels
from blocks.providers.aws.training import SageMakerTraining
from blocks.testing.batches import make_rows
from blocks.testing.waiting import until

T = TypeVar("T", bound=Frozen)

PAGE = Path(__file__).with_name("CALLS.md")
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/bluewater:1"
RELEASE = "AKIARELEASE"  # the key by which the release calls
MACHINE = "ml.m5.large"
_WRITTEN = ("sagemaker", "application-autoscaling")  # services
_READS = ("Describe", "List", "Invoke")
_SCRIPT = Path(__file__).with_name("example") / "train.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One stage of a release: what it is, and the calls that it made."""

    title: str
    changes: Sequence[Mapping[str, Any]]  # in order
    reads: Sequence[str]  # names, each once
    others: Sequence[str]  # what was asked of other services


class Release:
    """Plays a release through the contracts, stage by stage."""

    def __init__(self, account: AwsAccount, folder: Path) -> None:
        self._account, self._folder = account, folder
        self._key = RunKey(run="2026-05-01", step="release")
        self._jobs = SageMakerTraining(account=account)
        self._models = SageMakerModels(account=account)
        self._endpoints = SageMakerEndpoints(account=account, image=IMAGE)
        self._batch = SageMakerBatch(account=account, image=IMAGE)
        self._trained: TrainingResult | None = None
        self._version: ModelVersion | None = None

    def stages(self) -> Mapping[str, Callable[[], None]]:
        """Return what is done, by the title of its section, in order."""
        return {
            "A training job on spot machines": self._train,
            "A model version, and the name it is known by": self._register,
            "A first variant, which takes all traffic": lambda: self._serve("blue", 100),
            "A second variant, without traffic, of one to three machines": lambda: self._deploy(
                "green", most=3
            ),
            "Copies of all requests to the second": self._mirror,
            "No copies any more": lambda: self._shift(blue=100),
            "A tenth of the traffic to the second": lambda: self._shift(blue=90, green=10),
            "All traffic to the second": lambda: self._shift(green=100),
            "The first variant goes": lambda: self._endpoints.retire("flights", "blue"),
            "A data set is scored": self._score,
            "Everything is taken down": self._take_down,
        }

    def _train(self) -> None:
        root = self._account.root
        request = TrainingRequest(
            image=IMAGE,
            source_uri=f"{root}/code",
            command=("python", "train.py"),
            parameters={"learning_rate": "0.1"},
            env={"LOG_LEVEL": "info"},
            secrets={"API_KEY": "api-key"},
            machine=MACHINE,
            spot=True,
            data_uri=f"{root}/data",
            checkpoint_uri=f"{root}/checkpoints",
            output_uri=f"{root}/output",
            max_duration=timedelta(hours=1),
        )
        self._trained = _over(self._jobs.status, self._jobs.submit(request, key=self._key))

    def _register(self) -> None:
        assert self._trained is not None  # noqa: S101 - the stages come in order
        draft = ModelDraft(
            name="flights",
            uri=self._trained.model_uri,
            digest=self._trained.digest,
            metrics=self._trained.metrics,
            lineage={"run": self._key.run},
        )
        self._version = self._models.register(draft, key=self._key)
        self._models.promote(self._version, "champion", replacing=None)

    def _deploy(self, variant: str, most: int = 1) -> None:
        assert self._version is not None  # noqa: S101
        request = VariantRequest(
            endpoint="flights",
            variant=variant,
            model=self._version,
            machine=MACHINE,
            max_replicas=most,
            serving=Serving(concurrency=32),
            capture=Capture(sample=0.5),
        )
        _over(self._endpoints.status, self._endpoints.deploy(request, key=self._key))

    def _serve(self, variant: str, percent: int) -> None:
        self._deploy(variant)
        self._shift(**{variant: percent})

    def _mirror(self) -> None:
        to = Traffic(percent={"blue": 100}, mirror=Mirror(variant="green", percent=100))
        self._endpoints.shift("flights", to, since=self._endpoints.traffic("flights"))

    def _shift(self, **percent: int) -> None:
        since = self._endpoints.traffic("flights")
        self._endpoints.shift("flights", Traffic(percent=percent), since=since)

    def _score(self) -> None:
        assert self._version is not None  # noqa: S101
        root, rows = self._account.root, self._folder / "rows"
        make_rows(rows, 8)
        for file in rows.rglob("*.parquet"):
            put(self._account, f"rows/{file.name}", file.read_bytes())
        request = BatchRequest(
            model=self._version,
            data_uri=f"{root}/rows",
            output_uri=f"{root}/scored",
            machine=MACHINE,
        )
        _over(self._batch.status, self._batch.submit(request, key=self._key))

    def _take_down(self) -> None:
        inventory = AwsInventory(account=self._account)
        for resource in list(inventory.owned()):
            inventory.remove(resource)
        until(lambda: not any(each.running for each in inventory.owned()))


def played() -> Sequence[Section]:
    """Play a release in an account of its own and return what it called."""
    with tempfile.TemporaryDirectory() as scratch, _account(Path(scratch)) as (emulator, account):
        release, sections, heard = Release(account, Path(scratch)), [], 0
        for title, stage in release.stages().items():
            stage()
            calls = emulator.calls()
            mine = [each for each in calls[heard:] if each["key"] == RELEASE]
            heard = len(calls)
            sections.append(_section(title, mine))
        return sections


def page(sections: Sequence[Section]) -> str:
    """Return the sections as a page to read."""
    parts = [
        "# What a release calls\n",
        "One release on SageMaker, played by `python -m deployments.aws.calls` in an emulated "
        "account with a network, a key and two variants. Every call that changes something is "
        "here as it goes over the wire, in order; a test plays the release again and compares, "
        "and holds each call against the service's published model.\n",
        *(_written(each) for each in sections),
    ]
    return "\n".join(parts)


def put(account: AwsAccount, name: str, content: bytes) -> None:
    """Write an object below the account's root."""
    bucket, _, prefix = account.root.removeprefix("s3://").partition("/")
    account.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=content)


@contextmanager
def _account(folder: Path) -> Iterator[tuple[launch.Account, AwsAccount]]:
    """Open an account in which the code, the data and a secret are."""
    with launch.account(folder / "aws", preloaded=True, grace=2.0) as emulator:
        given: dict[str, Any] = {
            "region": emulator.region,
            "endpoint_url": emulator.url,
            "secret_access_key": SecretStr("rehearsal"),
            "role_arn": "arn:aws:iam::123456789012:role/bluewater-jobs",
            "bucket": "models",
            "prefix": "bluewater",
            "owner": "team-a",
            "subnets": ("subnet-0a1b2c3d",),
            "security_groups": ("sg-0a1b2c3d",),
            "kms_key": "arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d",
        }
        owner = AwsAccount(**given, access_key_id=SecretStr("AKIAOWNER"))
        owner.client("s3").create_bucket(Bucket=owner.bucket)
        owner.client("secretsmanager").create_secret(Name="api-key", SecretString="sesame")
        put(owner, "code/train.py", _SCRIPT.read_bytes())
        put(owner, "data/rows.csv", b"x\n1\n")
        yield emulator, AwsAccount(**given, access_key_id=SecretStr(RELEASE))


def _over(look: Callable[[OperationRef], OperationStatus[T]], ref: OperationRef) -> T | None:
    until(lambda: look(ref).phase.done, within=120)
    status = look(ref)
    if status.failure is not None:
        raise RuntimeError(f"{ref.id}: {status.failure.message}")
    return status.result


def _section(title: str, calls: Sequence[Mapping[str, Any]]) -> Section:
    ours = [each for each in calls if each["call"].partition(":")[0] in _WRITTEN]
    names = {each["call"] for each in ours}
    reads = {each for each in names if each.partition(":")[2].startswith(_READS)}
    return Section(
        title=title,
        changes=[
            {"call": each["call"], "request": each["request"]}
            for each in ours
            if each["call"] not in reads and each["status"] == 200
        ],
        reads=sorted(reads),
        others=sorted({each["call"] for each in calls} - names),
    )


def _written(section: Section) -> str:
    parts = [f"## {section.title}\n"]
    for each in section.changes:
        text = json.dumps(each["request"], indent=2, ensure_ascii=False)
        parts.append(f"`{each['call']}`\n\n```json\n{text}\n```\n")
    if not section.changes:
        parts.append("Nothing changes in SageMaker.\n")
    for words, names in (("Looks", section.reads), ("Besides", section.others)):
        if names:
            parts.append(f"{words}: {', '.join(f'`{name}`' for name in names)}.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(played()))
    sys.stdout.write(f"{PAGE}\n")
