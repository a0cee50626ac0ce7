"""Models when the cloud, or a process, fails in the middle, in each cloud's own words."""

from __future__ import annotations

import random
import time
from contextlib import nullcontext
from typing import Any

import pytest

from blocks.contracts import InvalidRequest, ModelRegistry, ObjectStore, RunKey, Unavailable
from blocks.emulation.launch import Emulator
from blocks.testing.bench import Bench
from blocks.testing.crowd import stranger
from blocks.testing.words import ModelWords

CONTRACT = ModelRegistry
KEY = RunKey(run="run-1", step="register")


@pytest.fixture
def models(bench: Bench) -> ModelRegistry:
    return bench.connect(ModelRegistry)


def test_a_version_whose_reply_was_lost_is_found(
    bench: Bench, models: ModelRegistry, emulator: Emulator, words: ModelWords, done: str
) -> None:
    draft = bench.model_draft()
    emulator.fault(done, call=words.create)
    told: Any = nullcontext() if words.looks else pytest.raises(Unavailable)
    with told:
        assert models.register(draft, key=KEY).version == "1"
    assert models.register(draft, key=KEY).version == "1"
    assert bench.created("models") == 1
    assert len(emulator.calls(words.create)) == 1


def test_a_request_that_found_nobody_is_made_again_by_who_asks_again(
    bench: Bench, models: ModelRegistry, emulator: Emulator, words: ModelWords
) -> None:
    draft = bench.model_draft()
    emulator.fault("unavailable", call=words.create)
    with pytest.raises(Unavailable):
        models.register(draft, key=KEY)
    assert models.register(draft, key=KEY).version == "1"
    assert bench.created("models") == 1


def test_a_model_that_is_not_seen_yet_does_not_stop_a_registration(
    bench: Bench, models: ModelRegistry, emulator: Emulator, words: ModelWords
) -> None:
    models.register(bench.model_draft(), key=KEY)
    emulator.fault("stale-read", **words.unseen, times=2)
    assert models.register(bench.model_draft(kind="constant"), key=KEY).version == "2"


def test_a_promotion_whose_reply_was_lost_has_happened_once(
    bench: Bench, models: ModelRegistry, emulator: Emulator, words: ModelWords
) -> None:
    version = models.register(bench.model_draft(), key=KEY)
    emulator.fault("lost-reply", call=words.move)
    with pytest.raises(Unavailable):
        models.promote(version, "champion", replacing=None, by="run-1")
    models.promote(version, "champion", replacing=None, by="run-1")
    assert len(models.history("bench", "champion")) == 1
    assert models.resolve("bench", "champion") == version


@pytest.mark.usefixtures("words")
def test_whoever_dies_while_it_registers_leaves_at_most_one_version(
    bench: Bench, models: ModelRegistry
) -> None:
    draft, moments = bench.model_draft(), random.Random(11)
    for _ in range(6):
        dying = stranger(models, "register", draft, key=KEY)
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.3))
        dying.kill()
    assert models.register(draft, key=KEY).version == "1"
    assert bench.created("models") == 1


@pytest.mark.usefixtures("words")
def test_a_version_does_not_change_with_the_folder_that_it_came_from(
    bench: Bench, models: ModelRegistry
) -> None:
    draft, store = bench.model_draft(), bench.connect(ObjectStore)
    kept = models.register(draft, key=KEY)
    store.write(f"{draft.uri}/MLmodel", b"something else")
    with pytest.raises(InvalidRequest, match=draft.digest):
        models.register(draft, key=KEY.next())
    assert store.read(f"{kept.uri}/MLmodel") != b"something else"


@pytest.mark.usefixtures("words")
def test_a_name_that_no_model_can_have_is_refused(bench: Bench, models: ModelRegistry) -> None:
    draft = bench.model_draft().model_copy(update={"name": "late flights"})
    with pytest.raises(InvalidRequest, match="late flights"):
        models.register(draft, key=KEY)
    assert bench.created("models") == 0
