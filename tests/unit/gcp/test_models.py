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
