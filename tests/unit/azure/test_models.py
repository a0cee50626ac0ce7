"""How people see in a workspace what an alias points to."""

from __future__ import annotations

from typing import Any

from blocks.contracts import ModelRegistry, RunKey
from blocks.providers.azure.account import AzureAccount

KEY = RunKey(run="run-1", step="register")
TAG = "bluewater-alias-champion"


def test_people_see_an_alias_as_a_tag_of_one_version(bench: Any, account: AzureAccount) -> None:
    models = bench.connect(ModelRegistry)
    one = models.register(bench.model_draft(), key=KEY)
    two = models.register(bench.model_draft(), key=KEY)
    shown = account.ml().models
    models.promote(one, "champion", replacing=None)
    assert shown.get("bench", "1").tags[TAG] == "yes"
    models.promote(two, "champion", replacing=one)
    assert TAG not in shown.get("bench", "1").tags
    assert shown.get("bench", "2").tags[TAG] == "yes"
