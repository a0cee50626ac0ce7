"""Models in Vertex AI's registry, when the cloud or a process fails in the middle."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient

from blocks.contracts import InvalidRequest, ModelRegistry, ObjectStore, RunKey, Unavailable
from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.emulator.launch import Project
from blocks.testing.crowd import stranger

KEY = RunKey(run="run-1", step="register")
UPLOAD = "aiplatform:UploadModel"


@pytest.fixture
def models(bench: Any) -> ModelRegistry:
    found: ModelRegistry = bench.connect(ModelRegistry)
    return found


@pytest.mark.parametrize("fault", ["lost-reply", "internal-error-after", "deadline-exceeded-after"])
def test_a_version_whose_reply_was_lost_is_found(
    bench: Any, models: ModelRegistry, emulator: Project, fault: str
) -> None:
    draft = bench.model_draft()
    emulator.fault(fault, call=UPLOAD)
    assert models.register(draft, key=KEY).version == "1"
    assert models.register(draft, key=KEY).version == "1"
    assert bench.created("models") == 1
    assert len(emulator.calls(UPLOAD)) == 1


def test_a_request_that_was_lost_is_made_again_by_who_asks_again(
    bench: Any, models: ModelRegistry, emulator: Project
) -> None:
    draft = bench.model_draft()
    emulator.fault("unavailable", call=UPLOAD)
    with pytest.raises(Unavailable):
        models.register(draft, key=KEY)
    assert models.register(draft, key=KEY).version == "1"
    assert bench.created("models") == 1


def test_a_model_that_is_not_seen_yet_does_not_stop_a_registration(
    bench: Any, models: ModelRegistry, emulator: Project
) -> None:
    models.register(bench.model_draft(), key=KEY)
    emulator.fault("stale-read", call="aiplatform:GetModel", times=2)
    assert models.register(bench.model_draft(kind="constant"), key=KEY).version == "2"


def test_a_promotion_whose_reply_was_lost_has_happened_once(
    bench: Any, models: ModelRegistry, emulator: Project
) -> None:
    version = models.register(bench.model_draft(), key=KEY)
    emulator.fault("lost-reply", call="storage:objects.insert")
    with pytest.raises(Unavailable):
        models.promote(version, "champion", replacing=None, by="run-1")
    models.promote(version, "champion", replacing=None, by="run-1")
    assert len(models.history("bench", "champion")) == 1
    assert models.resolve("bench", "champion") == version


def test_people_see_an_alias_in_the_registry_itself(
    bench: Any, models: ModelRegistry, account: GcpAccount
) -> None:
    one = models.register(bench.model_draft(), key=KEY)
    two = models.register(bench.model_draft(), key=KEY)
    client = account.client(ModelServiceClient)
    name = f"{account.parent}/models/{account.named('bench')}"
    models.promote(one, "champion", replacing=None)
    assert client.get_model(name=f"{name}@champion").version_id == "1"
    models.promote(two, "champion", replacing=one)
    shown = client.get_model(name=f"{name}@champion")
    assert (shown.version_id, shown.display_name) == ("2", "bench")
    assert two.digest in shown.version_description


@pytest.mark.parametrize("alias", ["Champion", "my_model", "default"])
def test_an_alias_that_the_registry_cannot_show_is_refused(
    bench: Any, models: ModelRegistry, alias: str
) -> None:
    version = models.register(bench.model_draft(), key=KEY)
    with pytest.raises(InvalidRequest, match=alias):
        models.promote(version, alias, replacing=None)
    assert list(models.history("bench", alias)) == []


def test_whoever_dies_while_it_registers_leaves_at_most_one_version(
    bench: Any, models: ModelRegistry
) -> None:
    draft, moments = bench.model_draft(), random.Random(11)
    for _ in range(6):
        dying = stranger(models, "register", draft, key=KEY)
        dying.calling()
        time.sleep(moments.uniform(0.0, 0.3))
        dying.kill()
    assert models.register(draft, key=KEY).version == "1"
    assert bench.created("models") == 1


def test_a_version_does_not_change_with_the_folder_that_it_came_from(
    bench: Any, models: ModelRegistry
) -> None:
    draft, store = bench.model_draft(), bench.connect(ObjectStore)
    kept = models.register(draft, key=KEY)
    store.write(f"{draft.uri}/MLmodel", b"something else")
    with pytest.raises(InvalidRequest, match=draft.digest):
        models.register(draft, key=KEY.next())
    assert store.read(f"{kept.uri}/MLmodel") != b"something else"


def test_a_name_that_no_model_can_have_is_refused(bench: Any, models: ModelRegistry) -> None:
    draft = bench.model_draft().model_copy(update={"name": "late flights"})
    with pytest.raises(InvalidRequest, match="late flights"):
        models.register(draft, key=KEY)
    assert bench.created("models") == 0
