"""The table of crashes tells each kill by its stage, and nothing that was lost can hide in it."""

from __future__ import annotations

from tests.crashes.table import (
    STAGES,
    Counts,
    Kill,
    Outcome,
    Platform,
    Row,
    Seen,
    lost,
    to_markdown,
)

ONE = Counts(jobs=1, versions=1, variants=1, servers=1)


def row(*kills: Kill, killed: str = "the flow") -> Row:
    """Return a row in which all other kills were survived."""
    told = {kill.stage: kill for kill in kills}
    whole = tuple(told.get(stage, Kill(stage=stage, outcome=Outcome.SURVIVED)) for stage in STAGES)
    return Row(killed=killed, kills=whole, releases=1, counts=ONE)


def platform(*rows: Row, left: tuple[str, ...] = ()) -> Platform:
    return Platform(name="local", rows=rows, left=left)


def test_each_kill_stands_under_its_stage_with_the_counts_of_its_row() -> None:
    again = Kill(stage="train", outcome=Outcome.SURVIVED, again=True)
    refused = Kill(stage="deploy", outcome=Outcome.REFUSED, why="green never got ready")
    page = to_markdown([platform(row(again, refused))])
    head, _, line, *_ = (each for each in page.splitlines() if each.startswith("|"))
    cells = dict(zip(head.split(" | "), line.split(" | "), strict=True))
    assert cells["train"] == "survived*"
    assert cells["evaluate"] == "survived"
    assert cells["deploy"] == "refused"
    assert cells["jobs"] == "1"
    assert "green never got ready" in page
    assert lost([platform(row(again, refused))]) == []


def test_what_was_lost_is_told_loudly() -> None:
    gone = Kill(stage="step", outcome=Outcome.LOST, why="two jobs")
    [said] = lost([platform(row(), row(gone, killed="the worker"))])
    assert "the worker killed in step: two jobs" in said
    assert "**LOST**" in to_markdown([platform(row(gone))])


def test_what_runs_on_after_all_was_taken_down_is_lost_too() -> None:
    assert lost([platform(row(), left=("endpoint/small",))]) == ["local: endpoint/small was left"]


def test_of_a_platform_that_was_not_taken_down_nothing_is_said_of_what_is_left() -> None:
    whole = platform(row())
    assert "there was left: nothing" in to_markdown([whole])
    assert "there was left" not in to_markdown([whole.model_copy(update={"left": None})])


def test_a_stage_in_which_nothing_was_killed_is_no_proof() -> None:
    short = Row(killed="the flow", kills=row().kills[:-1], releases=1, counts=ONE)
    [said] = lost([platform(short)])
    assert "live" in said
    page = to_markdown([platform(short)])
    assert "| - |" in page


def test_what_is_no_process_of_ours_and_what_was_not_played_is_told() -> None:
    cloud = platform(row()).model_copy(update={"none_here": {"the router": "the cloud's own"}})
    lines = to_markdown([cloud]).splitlines()
    [router] = [each for each in lines if each.startswith("| the router")]
    assert router.startswith("| the router: none of ours, the cloud's own | none |")
    [unplayed] = [each for each in lines if each.startswith("Not played here:")]
    assert "the worker, the Prefect server, the model servers" in unplayed
    columns = {each.count(" | ") for each in lines if each.startswith("| ")}
    assert len(columns) == 1


def test_a_cell_alone_is_judged_by_itself() -> None:
    cell = Row(killed="the flow", kills=row().kills[4:5], releases=1, counts=ONE)
    assert lost([platform(cell)], [STAGES[4]]) == []
    assert lost([platform(cell)], STAGES[4:6]) != []


def test_counts_of_a_row_are_those_of_its_own_releases() -> None:
    before = Counts(jobs=3, versions=3, variants=1, servers=1)
    after = Counts(jobs=5, versions=4, variants=2, servers=3)
    assert after.since(before) == Counts(jobs=2, versions=1, variants=2, servers=3)


def test_a_platform_that_is_played_again_takes_the_place_it_had() -> None:
    other = platform(row()).model_copy(update={"name": "cloud"})
    seen = Seen().with_platform(platform(row())).with_platform(other)
    again = platform(row(), left=("job",))
    assert seen.with_platform(again).platforms == (again, other)


def test_rows_that_are_played_again_take_the_place_of_theirs_alone() -> None:
    gone = Kill(stage="step", outcome=Outcome.LOST, why="two jobs")
    first, again = (
        platform(row(), row(gone, killed="the worker")),
        platform(row(killed="the worker")),
    )
    [seen] = Seen().with_platform(first).with_platform(again).platforms
    assert [each.killed for each in seen.rows] == ["the flow", "the worker"]
    assert lost([seen]) == []


def test_each_row_says_when_and_where_it_was_played() -> None:
    first, second = "2026-11-26, 2 cores", "2026-11-27, 4 cores"
    rows = (
        row(killed="the worker").model_copy(update={"on": first, "took": "2 minutes, load 3"}),
        row(killed="the flow").model_copy(update={"on": first}),
    )
    seen = Seen(platforms=(platform(*rows),))
    assert f"Played on {first}: the flow; the worker (2 minutes, load 3)." in told(seen)
    later = row(killed="the flow").model_copy(update={"on": second})
    again = told(seen.with_platform(platform(later)))
    assert f"Played on {second}: the flow." in again
    assert f"Played on {first}: the worker (2 minutes, load 3)." in again


def told(seen: Seen) -> str:
    return to_markdown(seen.platforms)
