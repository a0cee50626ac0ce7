"""A thing of a unique name is made once, and a refusal is told as it was."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.cloud.named import make_named
from blocks.contracts import Conflict, Denied, ProviderError, QuotaExceeded, Unavailable


class Cloud:
    """Answers one request to make a thing, and one to look for it."""

    def __init__(self, *, made: ProviderError | None, seen: ProviderError | str | None) -> None:
        self._made, self._seen = made, seen
        self.looks: list[bool] = []

    def create(self) -> None:
        if self._made:
            raise self._made

    def look(self, *, patient: bool) -> Any:
        self.looks.append(patient)
        if isinstance(self._seen, ProviderError):
            raise self._seen
        return self._seen


def make(cloud: Cloud, *, conflict_is_the_name: bool = False) -> None:
    make_named(
        cloud.create,
        cloud.look,
        explain=lambda error: None,
        conflict_is_the_name=conflict_is_the_name,
    )


@pytest.mark.parametrize("refusal", [Denied("create"), QuotaExceeded("full"), Unavailable("lost")])
def test_what_is_there_all_the_same_is_what_was_asked_for(refusal: ProviderError) -> None:
    make(cloud := Cloud(made=refusal, seen="it"))
    assert cloud.looks == [isinstance(refusal, Unavailable)]


@pytest.mark.parametrize("refusal", [Denied("create"), QuotaExceeded("full"), Unavailable("lost")])
def test_a_refusal_is_raised_where_nothing_is_there(refusal: ProviderError) -> None:
    with pytest.raises(type(refusal), match=str(refusal)):
        make(Cloud(made=refusal, seen=None))


def test_who_may_not_look_either_is_told_what_was_refused_first() -> None:
    with pytest.raises(Denied, match="create"):
        make(Cloud(made=Denied("create"), seen=Denied("look")))


@pytest.mark.parametrize(
    ("made", "seen"),
    [(Unavailable("lost"), Denied("look")), (QuotaExceeded("full"), Unavailable("down"))],
)
def test_where_nobody_knows_whether_it_is_there_the_look_is_raised(
    made: ProviderError, seen: ProviderError
) -> None:
    with pytest.raises(type(seen), match=str(seen)):
        make(Cloud(made=made, seen=seen))


def test_a_conflict_that_can_only_mean_the_name_needs_no_look() -> None:
    make(cloud := Cloud(made=Conflict("taken"), seen=None), conflict_is_the_name=True)
    assert cloud.looks == []
