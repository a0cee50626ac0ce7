"""Spark's executors as those who score: each takes shares of the rows, and sends back the answers.

Areas, medians and calibration are of ranks among all rows, so that nothing smaller than the answers
could be joined to the report that one machine makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path

from threadpoolctl import threadpool_limits

from tasks.evaluation.answers import ModelRefused
from tasks.evaluation.scoring import Hands, LoadedModel, Part, Work, load_model
from tasks.evaluation.shares import ROWS, Share, cut
from tasks.transfer.models import model_folder

Told = Sequence[tuple[str, str]]  # URI and digest of each model
Answered = list[Part] | ModelRefused
Spread = Callable[[Callable[[Share], Answered], Sequence[Share]], Iterable[Answered]]


def executors(spread: Spread, *, most: int = ROWS) -> Hands:
    """Return those as hands to whom ``spread`` sends work, with about so many rows for each task.

    What it returns is in the order of the shares.
    """

    def hands(work: Work, models: Sequence[LoadedModel], rows: Share) -> Iterator[Part]:
        told = [(model.uri, model.digest) for model in models]
        score = partial(scored, work=work, told=told)
        for found in spread(score, list(cut(work.store, rows, most=most))):
            if isinstance(found, ModelRefused):
                raise found
            yield from found

    return hands


def scored(share: Share, *, work: Work, told: Told) -> Answered:
    """Score a share on one core; run by Spark's executors."""
    try:
        models = [_kept(model_folder(work.store, uri, digest), digest) for uri, digest in told]
        with threadpool_limits(1):  # the other cores have shares of their own
            return list(work.parts(models, share))
    except ModelRefused as refused:  # that is an answer: nobody has to try it again
        return refused


@lru_cache(maxsize=2)
def _kept(folder: Path, digest: str) -> LoadedModel:
    """Return a model that this process loads once."""
    return load_model(folder, digest)
