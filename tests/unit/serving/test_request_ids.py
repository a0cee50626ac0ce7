"""A name tells when its request was asked, or nothing."""

from __future__ import annotations

import time
import uuid

import pytest

from blocks.serving.request_ids import AHEAD, OLDEST, asked_at, new_id

EXAMPLE = 1645557742.0  # of RFC 9562, A.6


def test_a_new_name_tells_its_own_time_and_is_a_uuid_of_version_7() -> None:
    before = time.time()
    name, other = new_id(), new_id()
    told = asked_at(name, now=time.time())
    assert told is not None and before - 0.001 <= told <= time.time()
    assert (uuid.UUID(name).version, uuid.UUID(name).variant) == (7, uuid.RFC_4122)
    assert name != other


@pytest.mark.parametrize(
    "name",
    [
        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
        "017f22e279b07cc398c4dc0c0c07398f",
        "01FWHE4YDGFK1SHH6W1G60EECF",  # the same 128 bits as a ULID
    ],
)
def test_names_of_others_tell_their_time(name: str) -> None:
    assert asked_at(name, now=EXAMPLE + 60) == EXAMPLE


@pytest.mark.parametrize("name", ["", "r-17", uuid.UUID(int=5, version=4).hex, "x" * 26, "7" * 32])
def test_other_names_tell_nothing(name: str) -> None:
    assert asked_at(name, now=time.time()) is None


def test_a_time_that_cannot_be_is_none() -> None:
    name = "017F22E2-79B0-7CC3-98C4-DC0C0C07398F"
    assert asked_at(name, now=EXAMPLE - AHEAD - 1) is None
    assert asked_at(name, now=EXAMPLE + OLDEST + 1) is None
    assert asked_at(name, now=EXAMPLE - 1) == EXAMPLE - 1  # a clock that is a little ahead
