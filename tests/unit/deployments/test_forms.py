"""The forms that Prefect's page makes of the flows' parameters; no server is needed."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.utilities.schema_tools.validation import ValidationError, validate

from deployments.catalogue import Entry, entries
from deployments.deploy import to_deployment
from tasks.specification.spec import ReleaseSpec

ENTRIES = [pytest.param(entry, id=entry.entrypoint) for entry in entries()]
REF = {"$ref": {"block_document_id": "00000000-0000-0000-0000-000000000000"}}
SPEC = ReleaseSpec.model_validate(
    {
        "name": "late",
        "data": {"train": "file:///t.parquet", "holdout": "file:///h.parquet", "label": "y"},
        "validation": {"suite": "file:///suite.json"},
        "training": {"source": "file:///code", "machine": "local.small"},
        "rollout": {"endpoint": "flights", "smoke_request": "file:///request.json"},
    }
)


def form_of(entry: Entry) -> dict[str, Any]:
    return dict(entry.flow().parameters.model_dump())


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_field_of_a_form_says_what_it_is_for(entry: Entry) -> None:
    form = form_of(entry)
    fields = dict(form["properties"])
    for kind, definition in form["definitions"].items():
        inside = definition.get("properties", {})  # a list of choices has none
        fields |= {f"{kind}.{name}": field for name, field in inside.items()}
    kinds = {f"#/definitions/{kind}": each for kind, each in form["definitions"].items()}
    told = {name: {**kinds.get(each.get("$ref"), {}), **each} for name, each in fields.items()}
    assert [name for name, field in told.items() if not field.get("description")] == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_platform_is_picked_from_those_that_are_saved(entry: Entry) -> None:
    """Prefect draws a list where a block has this slug, and refuses a choice that is ambiguous."""
    form = form_of(entry)
    assert form["definitions"]["Platform"]["block_type_slug"] == "bluewater-platform"
    wanted = set(form.get("required", ()))
    try:
        validate({"platform": REF}, form, raise_on_error=True, preprocess=True)
    except ValidationError as error:
        assert wanted - {"platform"}, error
        assert "is a required property" in str(error)


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_deployment_of_a_specification_is_filled_with_it(entry: Entry) -> None:
    made, _ = to_deployment(entry, SPEC, platform=REF, cron="3 * * * *")  # type: ignore[arg-type]
    form = form_of(entry)
    assert set(made.parameters or {}) <= set(form["properties"])
    assert made.name == ("default" if entry.platform_wide else "late")
    asked = [one for one in form.get("required", ()) if one not in (made.parameters or {})]
    assert set(asked) <= {"version", "data", "output", "machine"}
    crons = [getattr(each.schedule, "cron", "") for each in made.schedules or ()]
    wanted = [each.cron for each in entry.schedules] if entry.platform_wide else ["3 * * * *"]
    assert crons == (wanted if entry.schedules else [])


@pytest.mark.parametrize("entry", ENTRIES)
def test_what_has_to_be_filled_in_by_hand_comes_with_an_example(entry: Entry) -> None:
    """A page shows titles and descriptions, and no word of a schema's own examples."""
    form = form_of(entry)
    parts = {"": form, **{f"{kind}.": part for kind, part in form["definitions"].items()}}
    lacking = [
        f"{prefix}{name}"
        for prefix, part in parts.items()
        for name, field in part.get("properties", {}).items()
        if (name in part.get("required", ()) and field.get("type") == "string")
        or _empty_time(field)
        if "e.g. " not in field["description"]
    ]
    assert lacking == []


def _empty_time(field: dict[str, Any]) -> bool:
    """Whether it is a time without a default, in the ISO form that nobody knows by heart."""
    kinds = [field, *field.get("anyOf", ())]
    return field.get("default") is None and any(each.get("format") == "duration" for each in kinds)
