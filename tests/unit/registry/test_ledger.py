"""Compare-and-set from a log, whatever the order in which wishes came in."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from blocks.registries.ledger import Wish, replay

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def wish(number: int, token: str, to: str, replacing: str, alias: str = "champion") -> Wish:
    return Wish(
        number=number, token=token, alias=alias, to=to, replacing=replacing, at=NOW, by=token
    )


def test_of_two_that_believe_the_same_the_first_counts() -> None:
    log = [wish(1, "a", "1", ""), wish(3, "c", "3", "1"), wish(2, "b", "2", "1")]
    found = replay(log)
    assert found.pointing == {"champion": "2"}
    assert found.counted == {"a", "b"}
    assert [(move.version, move.replaced, move.by) for move in found.moves] == [
        ("1", None, "a"),
        ("2", "1", "b"),
    ]


def test_a_wish_that_was_appended_twice_counts_once_even_when_it_would_fit_again() -> None:
    """A lost reply made the client send it again, after others had moved the alias back."""
    log = [
        wish(1, "a", "1", ""),
        wish(2, "b", "2", "1"),
        wish(3, "c", "1", "2"),
        wish(4, "b", "2", "1"),
    ]
    assert replay(log).pointing == {"champion": "1"}


def test_a_wish_that_lost_stays_lost() -> None:
    log = [wish(1, "late", "2", "1"), wish(2, "a", "1", ""), wish(3, "late", "2", "1")]
    assert replay(log).pointing == {"champion": "1"}


wishes = st.builds(
    lambda number, token, to, replacing, alias: wish(number, f"t{token}", to, replacing, alias),
    number=st.integers(1, 10_000),
    token=st.integers(1, 40),
    to=st.sampled_from("123"),
    replacing=st.sampled_from(["", *"123"]),
    alias=st.sampled_from(["champion", "shadow"]),
)


@given(st.lists(wishes, max_size=60, unique_by=lambda each: each.number), st.randoms())
def test_everybody_who_reads_the_log_sees_one_unbroken_chain(
    log: list[Wish], order: object
) -> None:
    found = replay(log)
    shuffled = list(log)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert replay(shuffled) == found
    assert len(found.counted) == len(found.moves)
    for alias in ("champion", "shadow"):
        moves = found.of(alias)
        before = [None, *(move.version for move in moves)]
        assert [move.replaced for move in moves] == before[:-1]
        assert found.pointing.get(alias) == before[-1]
        assert all(move.version != move.replaced for move in moves)


@given(st.lists(wishes, max_size=60, unique_by=lambda each: each.number))
def test_the_past_never_changes_when_wishes_are_added(log: list[Wish]) -> None:
    ordered = sorted(log, key=lambda each: each.number)
    whole = replay(ordered).moves
    for end in range(len(ordered)):
        part = replay(ordered[:end]).moves
        assert whole[: len(part)] == part
