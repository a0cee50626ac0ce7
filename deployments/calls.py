"""Writes down which calls a release makes in a cloud, word by word, as a page to read.

A release is played in an emulated cloud through the contracts; what changes anything there is
written down as it went over the wire.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from blocks.cloud.bucket import Bucket
from blocks.contracts import (
    BatchInference,
    Contract,
    Endpoints,
    Frozen,
    Inventory,
    Mirror,
    ModelRegistry,
    ModelVersion,
    OperationRef,
    OperationStatus,
    ProcessingJobs,
    Traffic,
    TrainingJobs,
    TrainingResult,
)
from blocks.emulation.launch import Emulator
from blocks.registry import provider
from blocks.testing.batches import make_rows
from blocks.testing.waiting import until
from deployments import asked

T = TypeVar("T", bound=Frozen)
C = TypeVar("C", bound=Contract)

_SCRIPT = Path(__file__).with_name("example") / "train.py"
_COUNT = b"""import os
from pathlib import Path

lines = Path(os.environ["BLUEWATER_IN_ONE"]).read_text().count(chr(10))
(Path(os.environ["BLUEWATER_OUT_COUNTS"]) / "lines").write_text(str(lines))
"""
_KIT = re.compile(r"kit/[0-9a-f]{16}\.zip")  # named by our own code, and another with every change


class Connect(Protocol):
    """Builds the blocks of the release."""

    def __call__(self, contract: type[C]) -> C:
        """Return the block that keeps a contract."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An emulated cloud, and how a release reaches it."""

    emulator: Emulator
    connect: Connect
    bucket: Bucket
    root: str
    image: str
    machine: str
    key: str  # by which the release calls
    serves_on: str = ""  # where models are served on what jobs do not run on


Stages = Sequence[tuple[str, Callable[[Place], None]]]  # titles, and what is done


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a cloud's page is told."""

    name: str
    intro: str
    services: tuple[str, ...]  # whose calls are written down
    is_read: Callable[[str], bool]  # by the operation
    where: Callable[[Mapping[str, Any]], str] = lambda _: ""  # what a call was made on
    rights: str = ""  # how what a stage has to be granted is introduced; empty: it is not told


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One stage of a release: what it is, and the calls that it made."""

    title: str
    changes: Sequence[Mapping[str, Any]]  # in order
    reads: Sequence[str]  # names, each once
    others: Sequence[str]  # what was asked of other services
    rights: Sequence[str] = ()  # what has to be granted for all of it


class Release:
    """Plays a release through the contracts, stage by stage."""

    def __init__(self, place: Place, folder: Path, besides: Stages) -> None:
        self._place, self._folder, self._besides = place, folder, besides
        self._endpoints = place.connect(Endpoints)
        self._trained: TrainingResult | None = None
        self._version: ModelVersion | None = None

    def stages(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield what is done, after the title of its section, in order."""
        offers = self._endpoints.features
        if ProcessingJobs.capability in provider(self._endpoints.provider).capabilities:
            yield "A command near the data", self._process
        yield "A training job on spot machines", self._train
        if self._place.connect(TrainingJobs).features.studies:
            yield "A search for hyperparameters instead, in four trials", self._search
        yield "A model version, and the name it is known by", self._register
        yield "A first variant, which takes all traffic", lambda: self._serve("blue", 100)
        if offers.autoscaling:
            title = "A second variant, without traffic, of one to three machines"
            yield title, lambda: self._deploy("green", most=3)
        else:
            yield "A second variant, without traffic", lambda: self._deploy("green")
        if offers.mirror:
            share = "all" if offers.mirror_at_most == 100 else f"{offers.mirror_at_most} % of the"
            yield f"Copies of {share} requests to the second", self._mirror
            yield "No copies any more", lambda: self._shift(blue=100)
        yield "A tenth of the traffic to the second", lambda: self._shift(blue=90, green=10)
        yield "All traffic to the second", lambda: self._shift(green=100)
        yield "The first variant goes", lambda: self._endpoints.retire(asked.NAME, "blue")
        yield "A data set is scored", self._score
        for title, stage in self._besides:
            yield title, partial(stage, self._place)
        yield "Everything is taken down", self._take_down

    def _process(self) -> None:
        jobs = self._place.connect(ProcessingJobs)
        request = asked.counting(self._place.root, self._place.machine)
        _over(jobs.status, jobs.submit(request, key=asked.KEY))

    def _train(self) -> None:
        jobs, place = self._place.connect(TrainingJobs), self._place
        request = asked.training(place.root, place.machine, place.image)
        self._trained = _over(jobs.status, jobs.submit(request, key=asked.KEY))

    def _search(self) -> None:
        jobs, place = self._place.connect(TrainingJobs), self._place
        request = asked.searching(place.root, place.machine, place.image)
        _over(jobs.status, jobs.submit(request, key=asked.KEY))

    def _register(self) -> None:
        assert self._trained is not None  # noqa: S101 - the stages come in order
        models = self._place.connect(ModelRegistry)
        self._version = models.register(asked.draft(self._trained), key=asked.KEY)
        models.promote(self._version, "champion", replacing=None)

    def _deploy(self, variant: str, most: int = 1) -> None:
        assert self._version is not None  # noqa: S101
        machine = self._place.serves_on or self._place.machine
        request = asked.variant(variant, self._version, machine, most=most)
        _over(self._endpoints.status, self._endpoints.deploy(request, key=asked.KEY))

    def _serve(self, variant: str, percent: int) -> None:
        self._deploy(variant)
        self._shift(**{variant: percent})

    def _mirror(self) -> None:
        copies = Mirror(variant="green", percent=self._endpoints.features.mirror_at_most)
        to = Traffic(percent={"blue": 100}, mirror=copies)
        self._endpoints.shift(asked.NAME, to, since=self._endpoints.traffic(asked.NAME))

    def _shift(self, **percent: int) -> None:
        since = self._endpoints.traffic(asked.NAME)
        self._endpoints.shift(asked.NAME, Traffic(percent=percent), since=since)

    def _score(self) -> None:
        assert self._version is not None  # noqa: S101
        root, rows = self._place.root, self._folder / "rows"
        make_rows(rows, 8)
        for file in rows.rglob("*.parquet"):
            self._place.bucket.write(f"{root}/rows/{file.name}", file.read_bytes())
        request = asked.scoring(root, self._place.machine, self._version)
        jobs = self._place.connect(BatchInference)
        _over(jobs.status, jobs.submit(request, key=asked.KEY))

    def _take_down(self) -> None:
        inventory = self._place.connect(Inventory)
        for resource in list(inventory.owned()):
            inventory.remove(resource)
        until(lambda: not any(each.running for each in inventory.owned()))


def prepare(bucket: Bucket, root: str) -> None:
    """Bring what the training job reads."""
    bucket.write(f"{root}/code/train.py", _SCRIPT.read_bytes())
    bucket.write(f"{root}/code/count.py", _COUNT)
    bucket.write(f"{root}/data/rows.csv", b"x\n1\n")


def play(place: Place, folder: Path, words: Words, *, besides: Stages = ()) -> Iterator[Section]:
    """Play a release, and tell of each of its stages what it called.

    ``besides`` is what a cloud can do that no contract knows, or not every cloud; it is played
    before all is taken down.
    """
    heard = 0
    for title, stage in Release(place, folder, besides).stages():
        stage()
        calls = place.emulator.calls()
        mine = [each for each in calls[heard:] if each["key"] == place.key]
        heard = len(calls)
        yield _section(title, mine, words)


def page(sections: Sequence[Section], words: Words) -> str:
    """Return the sections as a page to read.

    What is only looked at is told once: how often, and in which stage, is a matter of time.
    """
    parts = ["# What a release calls\n", f"{words.intro}\n"]
    parts += [_written(each, words) for each in sections]
    reads = {name for each in sections for name in each.reads}
    others = {name for each in sections for name in each.others}
    for title, names in (("What it looks at", reads), ("What it asks of other services", others)):
        if names:
            parts.append(f"## {title}\n\n{', '.join(f'`{name}`' for name in sorted(names))}.\n")
    return "\n".join(parts)


def _over(look: Callable[[OperationRef], OperationStatus[T]], ref: OperationRef) -> T | None:
    until(lambda: look(ref).phase.done, within=120)
    status = look(ref)
    if status.failure is not None:
        raise RuntimeError(f"{ref.id}: {status.failure.message}")
    return status.result


def _section(title: str, calls: Sequence[Mapping[str, Any]], words: Words) -> Section:
    ours = [each for each in calls if each["call"].partition(":")[0] in words.services]
    names = {each["call"] for each in ours}
    reads = {each for each in names if words.is_read(each.partition(":")[2])}
    return Section(
        title=title,
        changes=[
            {"call": each["call"], "request": each["request"], "where": words.where(each)}
            for each in ours
            if each["call"] not in reads and 0 < each["status"] < 400
        ],
        reads=sorted(reads),
        others=sorted({each["call"] for each in calls} - names),
        rights=sorted({each["action"] for each in calls} - {""}) if words.rights else (),
    )


def _written(section: Section, words: Words) -> str:
    parts = [f"## {section.title}\n"]
    if section.rights:
        parts.append(f"{words.rights} {', '.join(f'`{each}`' for each in section.rights)}.\n")
    for each in section.changes:
        text = json.dumps(each["request"], indent=2, ensure_ascii=False)
        text = _KIT.sub("kit/0123456789abcdef.zip", text)
        where = f" {each['where']}" if each["where"] else ""
        parts.append(f"`{each['call']}`{where}\n\n```json\n{text}\n```\n")
    if not section.changes:
        parts.append(f"Nothing changes in {words.name}.\n")
    return "\n".join(parts)
