"""How people see in Vertex AI's registry what an alias points to."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.aiplatform_v1.services.model_service import ModelServiceClient

from blocks.contracts import InvalidRequest, ModelRegistry, RunKey
from blocks.providers.gcp.account import GcpAccount

KEY = RunKey(run="run-1", step="register")


@pytest.fixture
def models(bench: Any) -> ModelRegistry:
    found: ModelRegistry = bench.connect(ModelRegistry)
    return found


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


def test_a_champion_that_somebody_removed_has_a_successor(
    bench: Any, models: ModelRegistry, account: GcpAccount
) -> None:
    one, two = (models.register(bench.model_draft(), key=KEY) for _ in range(2))
    models.promote(two, "champion", replacing=None)
    name = f"{account.parent}/models/{account.named('bench')}"
    account.client(ModelServiceClient).delete_model_version(name=f"{name}@2")
    assert models.resolve("bench", "champion") is None
    models.promote(one, "champion", replacing=None)
    assert models.resolve("bench", "champion") == one
