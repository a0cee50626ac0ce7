from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.contracts import InvalidRequest, NoCapacity, Phase, RunKey
from blocks.providers.local.market import Market, Supply, expected_rate, has_capacity, lifetime
from blocks.providers.local.training import LocalTraining
from blocks.testing.bench import Bench

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = RunKey(run="run-1", step="train")


def trace(folder: Path, value: object, name: str = "trace.json") -> Path:
    file = folder / name
    raw = json.dumps(value).encode()
    file.write_bytes(gzip.compress(raw) if file.suffix == ".gz" else raw)
    return file


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_by_default_nothing_is_taken_back() -> None:
    assert lifetime(Market(), token="t", number=0, now=START) is None
    assert has_capacity(Market(), START)
    assert expected_rate(Market()) is None


def test_a_rate_draws_the_same_life_for_the_same_job() -> None:
    market = Market(rate=2, seed=7)
    lives = [lifetime(market, token=str(job), number=0, now=START) for job in range(2000)]
    assert lives[5] == lifetime(market, token="5", number=9, now=after(99))
    assert len(set(lives)) == len(lives)
    assert sum(life or 0 for life in lives) / len(lives) == pytest.approx(1800, rel=0.1)
    other = lifetime(market.model_copy(update={"seed": 8}), token="5", number=0, now=START)
    assert other != lives[5]


def test_lifetimes_are_given_in_order_and_then_end(tmp_path: Path) -> None:
    market = Market(trace=trace(tmp_path, [10, 20.5]))
    lives = [lifetime(market, token="t", number=number, now=START) for number in range(3)]
    assert lives == [10, 20.5, None]
    assert expected_rate(market) == pytest.approx(3600 * 2 / 30.5)


@pytest.mark.parametrize("name", ["trace.json", "trace.json.gz"])
def test_ticks_say_when_capacity_is_there_and_when_it_is_lost(tmp_path: Path, name: str) -> None:
    ticks = trace(tmp_path, {"gap_seconds": 10, "data": [1, 1, 0, 0, 1]}, name)
    market = Market(trace=ticks, start=START)
    assert [has_capacity(market, after(s)) for s in (0, 19, 20, 39, 40, 500)] == [
        *(True, True, False, False, True, True)
    ]
    assert lifetime(market, token="t", number=0, now=after(4)) == 16
    assert lifetime(market, token="t", number=0, now=after(25)) == 0
    assert lifetime(market, token="t", number=0, now=after(41)) is None
    assert expected_rate(market) == pytest.approx(3600 / 30)


@pytest.mark.parametrize("value", [{}, {"data": [1]}, ["x"], 7, {"gap_seconds": 1, "data": ["a"]}])
def test_what_is_no_trace_is_refused_with_the_form(tmp_path: Path, value: object) -> None:
    market = Market(trace=trace(tmp_path, value))
    with pytest.raises(InvalidRequest, match="gap_seconds") as caught:
        has_capacity(market, START)
    assert caught.value.code == "SPOT_TRACE"


def test_two_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="one of them"):
        Market(trace=tmp_path, rate=1)


def test_each_zone_has_a_market_of_its_own(bench: Bench, tmp_path: Path) -> None:
    """Spot is gone in one, taken back at once in another, and stays in the third."""
    dry = trace(tmp_path, {"gap_seconds": 1000, "data": [0]}, "dry.json")
    short = trace(tmp_path, [0.1], "short.json")
    market = Market(
        zones={"a": Supply(trace=dry), "b": Supply(trace=short), "c": Supply()}, notice=0.2
    )
    jobs = bench.connect(LocalTraining).model_copy(update={"market": market})
    spot = bench.training_request().model_copy(update={"spot": True})
    with pytest.raises(NoCapacity, match="zone a"):
        jobs.submit(spot.model_copy(update={"zone": "a"}), key=KEY)
    bench.settle(ref := jobs.submit(spot.model_copy(update={"zone": "b"}), key=KEY))
    assert jobs.status(ref).phase is Phase.INTERRUPTED
    bench.succeed(ref := jobs.submit(spot.model_copy(update={"zone": "c"}), key=KEY))
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    bench.settle(ref := jobs.submit(spot, key=KEY))  # anywhere: the first that has spot
    assert jobs.status(ref).phase is Phase.INTERRUPTED


def test_a_zone_that_there_is_not_is_refused(bench: Bench, tmp_path: Path) -> None:
    market = Market(zones={"a": Supply(rate=1)})
    jobs = bench.connect(LocalTraining).model_copy(update={"market": market})
    request = bench.training_request().model_copy(update={"zone": "b"})
    with pytest.raises(InvalidRequest, match="only a"):
        jobs.submit(request, key=KEY)
    assert bench.created("training") == 0
    with pytest.raises(ValidationError, match="none of its own"):
        Market(zones={"a": Supply()}, rate=1)


def test_no_capacity_means_no_job(bench: Bench, tmp_path: Path) -> None:
    jobs = bench.connect(LocalTraining)
    ticks = trace(tmp_path, {"gap_seconds": 1000, "data": [0]})
    dry = jobs.model_copy(update={"market": Market(trace=ticks)})
    spot = bench.training_request().model_copy(update={"spot": True})
    with pytest.raises(NoCapacity):
        dry.submit(spot, key=KEY)
    assert bench.created("training") == 0
    dry.submit(bench.training_request(), key=KEY)  # on demand there is always room
    assert bench.created("training") == 1


def test_a_job_that_is_there_is_found_when_there_is_no_capacity(
    bench: Bench, tmp_path: Path
) -> None:
    jobs = bench.connect(LocalTraining)
    spot = bench.training_request().model_copy(update={"spot": True})
    ref = jobs.submit(spot, key=KEY)
    ticks = trace(tmp_path, {"gap_seconds": 1000, "data": [0]})
    dry = jobs.model_copy(update={"market": Market(trace=ticks)})
    assert dry.submit(spot, key=KEY) == ref


def test_the_market_takes_spot_jobs_back_by_the_trace_and_leaves_others(
    bench: Bench, tmp_path: Path
) -> None:
    """Two lives are in the trace: the third spot job, and one on demand, are left alone."""
    market = Market(trace=trace(tmp_path, [0.1, 0.2]), notice=0.2)
    jobs = bench.connect(LocalTraining).model_copy(update={"market": market})
    request, key = bench.training_request(), KEY
    spot = request.model_copy(update={"spot": True})
    for _ in range(2):
        bench.settle(ref := jobs.submit(spot, key=key))
        assert jobs.submit(spot, key=key) == ref
        status = jobs.status(ref)
        assert status.phase is Phase.INTERRUPTED
        assert status.usage is None or status.usage.spot
        key = key.next()
    for last in (spot, request):
        bench.succeed(ref := jobs.submit(last, key=key))
        assert jobs.status(ref).phase is Phase.SUCCEEDED
