"""A run that may go on keeps its jobs for as long as its own specification gives them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from blocks.contracts import BatchRequest, RunKey, TrainingJobs, Unavailable
from blocks.testing.bench import Bench
from tasks.batch.record import a_scoring
from tasks.runs import open_run
from tasks.sweep.found import Standing
from tasks.sweep.look import look
from tasks.sweep.places import Places
from tasks.sweep.runs import LONGEST, Runs
from tasks.sweep.spec import SweepSpec

DAY = timedelta(days=1)
SPEC = SweepSpec()


def standing_of(places: Places, kind: str, after: timedelta) -> Standing:
    """Return what is thought of the one thing of its kind, some time from now."""
    [found] = [
        each for each in look(places, SPEC, now=datetime.now(UTC) + after) if each.kind == kind
    ]
    return found.standing


def train(bench: Bench, places: Places, run: str) -> None:
    place = f"{places.store.root}/runs/{run}"
    uris = {"output_uri": f"{place}/output", "checkpoint_uri": f"{place}/checkpoints"}
    request = bench.training_request().model_copy(update=uris)
    jobs = bench.connect(TrainingJobs)
    bench.begin(jobs.submit(request, key=RunKey(run=run, step="train")))


@pytest.mark.parametrize(
    ("longest", "kept"), [(timedelta(hours=12), 8), (12 * DAY, 19), (None, 34)]
)
def test_a_job_of_an_open_run_may_take_what_its_specification_says(
    bench: Bench, places: Places, longest: timedelta | None, kept: int
) -> None:
    """Clouds run jobs for weeks. A run of an earlier version may be as long as any of them."""
    open_run(places.store, "flights", "digest", run="mine", longest=longest)
    train(bench, places, "mine")
    given = SPEC.abandoned_after + (longest or LONGEST)
    assert standing_of(places, "training-job", (kept - 1) * DAY) is Standing.WANTED
    assert standing_of(places, "training-job", given + DAY) is Standing.ORPHAN


def test_a_job_counts_from_its_own_start_and_not_from_that_of_its_run(
    bench: Bench, places: Places
) -> None:
    """A run that was cut off for weeks has gone on, and has begun another attempt."""
    begun = open_run(places.store, "flights", "digest", run="mine", longest=DAY)
    uri = f"{places.store.root}/releases/flights/000000-begun.json"
    long_ago = begun.model_copy(update={"at": begun.at - 60 * DAY})
    places.store.write(uri, long_ago.model_dump_json().encode())
    train(bench, places, "mine")
    assert standing_of(places, "training-job", 2 * SPEC.grace) is Standing.WANTED


def test_a_run_that_goes_on_with_more_time_has_more(places: Places) -> None:
    open_run(places.store, "flights", "digest", run="mine")
    for longest, known in ((DAY, DAY), (9 * DAY, 9 * DAY), (DAY, 9 * DAY), (None, 9 * DAY)):
        open_run(places.store, "flights", "other", run="mine", longest=longest)
        assert Runs(places.store).releases["mine"].longest == known


def test_of_two_scorings_into_one_place_each_keeps_it(bench: Bench, places: Places) -> None:
    """The first failed, the next goes on, whatever their names are."""
    request = bench.batch_request(1)
    for name in ("b", "a"):
        with pytest.raises(ArithmeticError), a_scoring(places.store, name, request):
            raise ArithmeticError
    assert over(places, request) == "its run ended (ArithmeticError)"
    with pytest.raises(Unavailable), a_scoring(places.store, "a", request):
        raise Unavailable("down for a minute")
    assert over(places, request) == ""
    assert over(places, request, after=SPEC.abandoned_after + request.max_duration + DAY)
    elsewhere = request.model_copy(update={"output_uri": "file:///elsewhere"})
    assert over(places, elsewhere) is None


def over(places: Places, request: BatchRequest, *, after: timedelta = timedelta(0)) -> str | None:
    now = datetime.now(UTC)
    runs = Runs(places.store)
    return runs.scoring_over(request.output_uri, now + after, SPEC.abandoned_after, since=now)
