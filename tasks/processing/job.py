"""Sends a part of a release to the platform, waits for it, and takes the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from blocks.contracts import (
    Frozen,
    ObjectStore,
    Phase,
    ProcessingJobs,
    ProcessingRequest,
    RunKey,
    Usage,
)
from tasks.attempts import last_attempt, why
from tasks.memory import recall
from tasks.processing.code import command, shipped
from tasks.processing.spec import NearSpec
from tasks.processing.work import ANSWER, ASKED, PLACE, Answer, Asked, raised_again
from tasks.waiting import Pace

_USED = "used.json"
PACE = Pace(every=timedelta(seconds=2))


class ProcessingFailed(Exception):
    """The job on the platform ended without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a release that can be done by a job."""

    module: str  # run as a program
    question: Frozen
    inputs: Mapping[str, str]  # URIs by name
    place: str  # URI of the folder for all that it writes
    spark: bool = False  # the program asks for a Spark session


def done_by_a_job(
    jobs: ProcessingJobs,
    store: ObjectStore,
    spec: NearSpec,
    part: Part,
    *,
    key: RunKey,
    refusals: tuple[type[Exception], ...] = (),
    pace: Pace = PACE,
) -> str:
    """Return what the job found, as JSON. Asked again with the same key, it finds the same job.

    Raises:
        ProcessingFailed: it failed, was stopped, or lost its machine too often.
        InvalidRequest, NotFound, and those of ``refusals``: what the job itself met.
    """
    ref, status = last_attempt(
        jobs,
        to_request(store, spec, part),
        key=key,
        within=spec.max_duration,
        pace=pace,
        interruptions_allowed=spec.interruptions_allowed,
    )
    if status.usage is not None:
        uri = f"{part.place}.{_USED}"
        store.write(uri, status.usage.model_dump_json().encode())
    if status.phase is not Phase.SUCCEEDED:
        raise ProcessingFailed(f"job {ref.id} {why(status)}")
    return _answer(store, part, refusals)


def used(store: ObjectStore, places: Sequence[str]) -> list[Usage]:
    """Return what the jobs used that wrote to these places; those that ran elsewhere, nothing."""
    found = (recall(store, f"{place}.{_USED}", Usage) for place in places)
    return [each for each in found if each is not None]


def to_request(store: ObjectStore, spec: NearSpec, part: Part) -> ProcessingRequest:
    """Return the request of a part, after its code and its question were put where it reads them.

    The same part has the same request.
    """
    asked = Asked(
        question=part.question.model_dump_json(),
        inputs=part.inputs,
        place=part.place,
        root=store.root,
    )
    uri = f"{part.place}.{ASKED}.json"
    store.write(uri, asked.model_dump_json().encode())
    return request_of(spec, part, source_uri=shipped(store), asked_uri=uri)


def request_of(spec: NearSpec, part: Part, *, source_uri: str, asked_uri: str) -> ProcessingRequest:
    """Return the request of a part whose code and question lie there. Pure."""
    return ProcessingRequest(
        image=spec.image,
        source_uri=source_uri,
        command=command(part.module),
        inputs={**part.inputs, ASKED: asked_uri},
        outputs={PLACE: part.place},
        machine=spec.machine,
        spark=part.spark,
        max_duration=spec.max_duration,
    )


def _answer(store: ObjectStore, part: Part, refusals: tuple[type[Exception], ...]) -> str:
    answer = Answer.model_validate_json(store.read(f"{part.place}/{ANSWER}"))
    if answer.refused is not None:
        raise raised_again(answer.refused, refusals)
    return answer.found
