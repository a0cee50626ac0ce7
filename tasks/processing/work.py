"""What a processing job of ours is asked and answers, and the part of it that every job shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from blocks.contracts import Frozen, InvalidRequest, NotFound, ProviderError
from blocks.workload.process import INPUT, OUTPUT
from tasks.processing.mounted import MountedStore
from tasks.specification.problems import Problem, SpecificationRefused

ASKED, PLACE = "asked", "place"  # names of the input and the output that every job has
ANSWER = "answer.json"

_ALWAYS: tuple[type[Exception], ...] = (InvalidRequest, NotFound, SpecificationRefused)

Q = TypeVar("Q", bound=Frozen)


class Asked(Frozen):
    """What a job is asked, and which URIs its inputs and its output have."""

    question: str  # JSON
    inputs: Mapping[str, str]
    place: str  # URI of the folder for all that it writes
    root: str  # of the store


class Refusal(Frozen):
    """An exception that is an answer: data, suite or model do not suit the question."""

    kind: str
    message: str
    code: str = ""
    problems: tuple[Problem, ...] = ()


class Answer(Frozen):
    """What came of it: one of the two."""

    found: str = ""  # JSON
    refused: Refusal | None = None


def answered(
    kind: type[Q],
    work: Callable[[Q, MountedStore], Frozen],
    environ: Mapping[str, str],
    *,
    refusals: tuple[type[Exception], ...] = (),
) -> None:
    """Do the work of a job, with a store over what was mounted, and write down the answer.

    Exceptions of ``refusals``, and what the store refuses, are answers; others fail the job.
    """
    asked = Asked.model_validate_json(_path(environ, INPUT, ASKED).read_bytes())
    place = _path(environ, OUTPUT, PLACE)
    mounts = {uri: _path(environ, INPUT, name) for name, uri in asked.inputs.items()}
    store = MountedStore({**mounts, asked.place: place}, asked.root)
    answers: tuple[type[Exception], ...] = (*_ALWAYS, *refusals)
    try:
        found = work(kind.model_validate_json(asked.question), store)
    except answers as error:
        answer = Answer(refused=_refusal(error))
    else:
        answer = Answer(found=found.model_dump_json())
    (place / ANSWER).write_text(answer.model_dump_json())


def raised_again(refusal: Refusal, kinds: tuple[type[Exception], ...]) -> Exception:
    """Return the exception that a job met, as one of ``kinds``."""
    kind = next(each for each in (*_ALWAYS, *kinds) if each.__name__ == refusal.kind)
    if issubclass(kind, SpecificationRefused):
        return kind(refusal.problems)
    if issubclass(kind, InvalidRequest | NotFound):
        return kind(refusal.message, code=refusal.code)
    return kind(refusal.message)


def _refusal(error: Exception) -> Refusal:
    return Refusal(
        kind=type(error).__name__,
        message=str(error.args[0]) if isinstance(error, ProviderError) else str(error),
        code=str(getattr(error, "code", "")),
        problems=tuple(getattr(error, "problems", ())),
    )


def _path(environ: Mapping[str, str], prefix: str, name: str) -> Path:
    return Path(environ[f"{prefix}{name.upper()}"])
