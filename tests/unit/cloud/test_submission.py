"""One thing for one token, on clouds that make as many as they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from blocks.cloud.bucket import Bucket
from blocks.cloud.markers import Markers
from blocks.cloud.submission import Submission, looks
from blocks.contracts import Denied, ProviderError, Unavailable

TOKEN = "t" * 32


class Objects:
    """The part of a bucket that markers need, in memory."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[bytes, str]] = {}

    def read(self, uri: str) -> tuple[bytes, str] | None:
        return self._kept.get(uri)

    def swap(self, uri: str, content: bytes, *, etag: str | None) -> bool:
        now = self._kept.get(uri)
        if (None if now is None else now[1]) != etag:
            return False
        self._kept[uri] = content, str(int(etag or 0) + 1)
        return True


class Cloud:
    """A cloud that makes a thing for every call, and shows it, unless told otherwise."""

    def __init__(self) -> None:
        self.markers = Markers(cast(Bucket, Objects()), "gs://b/submitted")
        self.made: list[str] = []
        self.dropped: list[str] = []
        self.shows, self.looks = True, 0

    def submission(self, create: Callable[[], str] | None = None) -> Submission:
        return Submission(
            TOKEN,
            self.markers,
            find=self.find,
            create=create or self.create,
            drop=self.dropped.append,
            explain=lambda error: error if isinstance(error, ProviderError) else None,
            visible_after=(0.0, 0.0),
        )

    def find(self) -> str | None:
        self.looks += 1
        return self.made[0] if self.made and self.shows else None

    def create(self) -> str:
        self.made.append(str(len(self.made) + 1))
        return self.made[-1]


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_asking_again_makes_nothing_and_looks_for_nothing(cloud: Cloud) -> None:
    assert [cloud.submission().id() for _ in range(3)] == ["1", "1", "1"]
    assert cloud.made == ["1"]
    assert cloud.looks == 0


def test_after_a_clear_no_the_next_one_asks_at_once(cloud: Cloud) -> None:
    def refuse() -> str:
        raise Denied("no")

    for _ in range(2):
        with pytest.raises(Denied):
            cloud.submission(refuse).id()
    assert cloud.submission().id() == "1"
    assert cloud.looks == 0


def test_what_was_made_without_an_answer_is_found(cloud: Cloud) -> None:
    def made_in_silence() -> str:
        cloud.create()
        raise Unavailable("cut")

    assert cloud.submission(made_in_silence).id() == "1"
    assert cloud.submission().id() == "1"
    assert cloud.made == ["1"]


def test_what_does_not_show_is_not_made_again_before_it_had_time_to_show(cloud: Cloud) -> None:
    def made_in_silence() -> str:
        cloud.create()
        raise Unavailable("cut")

    cloud.shows = False
    with pytest.raises(Unavailable):
        cloud.submission(made_in_silence).id()
    cloud.shows = True
    assert cloud.submission().id() == "1"
    assert cloud.made == ["1"]


def test_who_died_before_asking_is_replaced_after_a_look(cloud: Cloud) -> None:
    assert cloud.markers.claim(TOKEN, after=None) is not None
    assert cloud.submission().id() == "1"
    assert cloud.looks > 1


def test_who_died_after_asking_is_joined(cloud: Cloud) -> None:
    assert cloud.markers.claim(TOKEN, after=None) is not None
    cloud.create()
    assert cloud.submission().id() == "1"
    assert cloud.made == ["1"]


def test_of_two_that_were_made_the_slower_one_is_dropped(cloud: Cloud) -> None:
    def slowly() -> str:
        mine = cloud.create()
        cloud.shows = False
        assert cloud.submission().id() == "2"  # took over meanwhile, and saw nothing
        return mine

    assert cloud.submission(slowly).id() == "2"
    assert cloud.dropped == ["1"]
    assert cloud.submission().id() == "2"


def test_a_claim_is_won_by_one(cloud: Cloud) -> None:
    first = cloud.markers.claim(TOKEN, after=None)
    assert first is not None
    assert cloud.markers.claim(TOKEN, after=None) is None
    assert cloud.markers.claim(TOKEN, after=first) is not None
    assert not cloud.markers.settle(TOKEN, "1", claimed=first)


def test_what_nobody_can_explain_keeps_the_claim(cloud: Cloud) -> None:
    """It may have been made: only a clear no frees the token."""

    def break_down() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cloud.submission(break_down).id()
    marker = cloud.markers.read(TOKEN)
    assert marker is not None
    assert not marker.said.free


def test_pauses_between_looks_double_and_come_to_what_is_given() -> None:
    assert list(looks(3.5)) == pytest.approx([0.2, 0.4, 0.8, 1.6, 0.5])
    assert list(looks(0.0)) == []
