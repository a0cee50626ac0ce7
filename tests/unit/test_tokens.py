"""What was asked before bluewater is upgraded is found after it.

If a value here changes, a field was added without ``added_field``, or a default was changed: runs
that are open during an upgrade would start their jobs again. Mend that; do not change the value.
"""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import (
    BatchRequest,
    Frozen,
    ModelDraft,
    ModelVersion,
    ProcessingRequest,
    RunKey,
    TrainingRequest,
    VariantRequest,
    added_field,
)
from tasks.specification.spec import ReleaseSpec

KEY = RunKey(run="r", step="s")
MODEL = ModelVersion(name="m", version="1", uri="u", digest="d")
TRAINING = {
    "source_uri": "s",
    "command": ["c"],
    "machine": "m",
    "data_uri": "d",
    "checkpoint_uri": "c",
    "output_uri": "o",
}
STUDY = {"metric": "auc", "parameters": {"a": {"low": 1, "high": 2}, "b": {"values": ["x"]}}}
LEAST: dict[str, Any] = {
    "name": "late",
    "data": {"train": "file:///t.parquet", "holdout": "file:///h.parquet", "label": "y"},
    "validation": {"suite": "file:///suite.json"},
    "training": {"source": "file:///code"},
    "rollout": {"endpoint": "flights", "smoke_request": "file:///request.json"},
}
NEAR = {"machine": "m"}
MOST = {
    **LEAST,
    "validation": {**LEAST["validation"], "near": NEAR},
    "training": {**LEAST["training"], "spot": {}, "study": STUDY},
    "evaluation": {"near": NEAR},
    "watch": {"near": NEAR, "labels": {"uri": "u", "label": "y"}, "monitor": {}},
    "approval": {},
    "budget": {},
}


class Grown(TrainingRequest):
    """A request of a later release."""

    priority: str = added_field("")


ASKED: dict[str, tuple[Frozen, str]] = {
    "training": (TrainingRequest.model_validate(TRAINING), "188d711b"),
    "study": (TrainingRequest.model_validate({**TRAINING, "study": STUDY}), "8d573a6d"),
    "batch": (BatchRequest(model=MODEL, data_uri="d", output_uri="o", machine="m"), "c56a5682"),
    "processing": (
        ProcessingRequest(source_uri="s", command=("c",), outputs={"o": "o"}, machine="m"),
        "dba98af6",
    ),
    "draft": (ModelDraft(name="m", uri="u", digest="d"), "2a45bfb3"),
    "variant": (VariantRequest(endpoint="e", variant="v", model=MODEL, machine="m"), "391901a3"),
}


@pytest.mark.parametrize("name", ASKED)
def test_a_request_keeps_its_token(name: str) -> None:
    request, begins = ASKED[name]
    assert KEY.token(request)[: len(begins)] == begins


@pytest.mark.parametrize(("content", "begins"), [(LEAST, "59ae6e57"), (MOST, "dca3b660")])
def test_a_specification_keeps_its_digest(content: dict[str, Any], begins: str) -> None:
    assert ReleaseSpec.model_validate(content).digest()[: len(begins)] == begins


def test_a_field_that_comes_later_changes_no_token_until_it_is_used() -> None:
    before = TrainingRequest.model_validate(TRAINING)
    after = Grown.model_validate(TRAINING)
    assert KEY.token(after) == KEY.token(before)
    used = after.model_copy(update={"priority": "high"})
    assert KEY.token(used) != KEY.token(before)
    assert Grown.model_validate_json(used.model_dump_json()) == used
