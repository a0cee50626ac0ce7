"""Whether the platform can do what a specification wants done near the data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from blocks.contracts import (
    ObjectStore,
    Prices,
    ProcessingJobs,
    ProcessingRequest,
    TrainingResult,
    Unsupported,
    Window,
)
from tasks.drift.axes import Axes
from tasks.evaluation import part as evaluation
from tasks.processing.job import Part, request_of
from tasks.processing.spec import NearSpec
from tasks.specification.problems import Problem, shown
from tasks.specification.spec import ReleaseSpec
from tasks.transfer.sources import lies_here
from tasks.validation import part as validation
from tasks.watch import part as watching
from tasks.watch import profile_part as profiling

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
FIELDS = {  # what a provider may lack -> the field of the machine that asks for it
    "MAX_DURATION": "max_duration",
    "SCHEME": "machine",
    "SPARK": "spark",
}


def near(
    spec: ReleaseSpec, jobs: ProcessingJobs | None, prices: Prices, store: ObjectStore
) -> Iterator[Problem]:
    """Yield what keeps a part of the release from being done by a job. Nothing is started."""
    for field, machine, part in _parts(spec, store):
        if prices.price(machine.machine) is None:
            yield Problem(
                field=f"{field}.machine",
                value=shown(machine.machine),
                problem=f"no price is known for {machine.machine}",
                remedy="correct its name, or add its price to the platform's price book",
            )
        if jobs is None:
            yield Problem(
                field=field,
                value=shown(machine),
                problem="this platform names nobody for processing",
                remedy="name one in the platform, e.g. processing: local-processing, or leave the "
                "field out",
            )
            continue
        try:
            jobs.features.require(_request(machine, part, store))
        except Unsupported as error:
            name = FIELDS[error.code]
            yield Problem(
                field=f"{field}.{name}",
                value=shown(getattr(machine, name)),
                problem=f"jobs of {jobs.provider} cannot do that: {error}",
                remedy="leave it out to do it on the machine that runs flows, or take a platform "
                "whose `processing` reads its store",
            )


def _parts(spec: ReleaseSpec, store: ObjectStore) -> Iterator[tuple[str, NearSpec, Part]]:
    place = f"{store.root}/runs/plan"
    if spec.validation.near is not None:
        asked = validation.Question(
            spec=spec.validation, data_uri=spec.data.train, place=f"{place}/validation"
        )
        yield "validation.near", spec.validation.near, validation.part_of(asked)
    if spec.evaluation.near is not None:
        question = evaluation.Question(
            spec=spec.evaluation,
            data=spec.data,
            challenger=TrainingResult(model_uri=place),
            champion=None,
            price=None,
            place=f"{place}/evaluation",
        )
        yield "evaluation.near", spec.evaluation.near, evaluation.part_of(question)
    if spec.watch.profile_near is not None:
        reference = profiling.Question(
            spec=spec.watch,
            data=spec.data,
            training=TrainingResult(model_uri=place),
            place=f"{place}/watch",
        )
        yield "watch.profile_near", spec.watch.profile_near, profiling.part_of(reference)
    if spec.watch.near is not None:
        traffic = watching.Question(
            captures=(),
            window=Window(start=_EVER, end=_EVER),
            axes=Axes(columns=()),
            variant="",
            place=f"{place}/watch",
        )
        yield "watch.near", spec.watch.near, watching.part_of(traffic, spark=spec.watch.near.spark)


def _request(near: NearSpec, part: Part, store: ObjectStore) -> ProcessingRequest:
    """Return what would be asked: what lies on this machine is copied to the store first."""
    inputs = {
        name: store.root if lies_here(store, uri) else uri for name, uri in part.inputs.items()
    }
    there = replace(part, inputs=inputs)
    return request_of(near, there, source_uri=store.root, asked_uri=store.root)
