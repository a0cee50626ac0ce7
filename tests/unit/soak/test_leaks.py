"""A soak tells what grows from what only goes up and down."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.soak.leaks import Growth, growth, table
from benchmarks.soak.samples import Held, sample
from blocks.testing.waiting import until


def held(**changes: float) -> Held:
    told = {"processes": 1, "files": 20, "sockets": 5, "megabytes": 200.0, **changes}
    return Held(**told)  # type: ignore[arg-type]


def leaking(found: list[Growth]) -> set[tuple[str, str]]:
    return {(each.kind, each.what) for each in found if each.leaks}


def test_what_is_warm_and_goes_up_and_down_leaks_nothing() -> None:
    warming = [{"router": held(megabytes=50)}, {"router": held(megabytes=150)}]
    steady = [{"router": held(files=20 + n % 3, megabytes=200 + 10 * (n % 2))} for n in range(12)]
    assert leaking(growth([*warming, *steady])) == set()


@pytest.mark.parametrize(
    ("what", "step"), [("processes", 1), ("files", 1), ("sockets", 1), ("megabytes", 5.0)]
)
def test_whatever_grows_with_every_round_is_found(what: str, step: float) -> None:
    rests = [{"router": held(**{what: getattr(held(), what) + n * step})} for n in range(20)]
    found = growth(rests)
    assert leaking(found) == {("router", what)}
    assert "**" in table(found)


def test_processes_of_a_kind_that_nobody_expected_are_found() -> None:
    rests = [{"router": held()} for _ in range(10)] + [
        {"router": held(), "job": held()} for _ in range(10)
    ]
    assert ("job", "processes") in leaking(growth(rests))


def test_too_few_rounds_tell_nothing() -> None:
    with pytest.raises(ValueError, match="longer"):
        growth([{"router": held()}] * 3)


def test_a_sample_counts_this_process_what_it_started_and_what_is_left_in_files(
    tmp_path: Path,
) -> None:
    def others() -> int:
        found = sample([], tmp_path).items()
        return sum(each.processes for kind, each in found if kind.startswith("other"))

    (tmp_path / "left").touch()
    before = others()  # tests before this one may have left servers running, to be used again
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        until(lambda: others() == before + 1)
        found = sample([], tmp_path)
    finally:
        process.communicate()
    assert found["orchestrator"].processes == 1
    assert found["orchestrator"].megabytes > 10
    assert found["files left in TMPDIR"].files == 1
