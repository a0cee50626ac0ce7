"""Which models and versions Vertex AI takes, through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from blocks.providers.gcp.account import GcpAccount
from tests.unit.gcp.refusals.asked import (
    IMAGE,
    KEY,
)

NO_MODELS: dict[str, dict[str, Any]] = {
    "no name": {"display_name": ""},
    "no image": {"container_spec": {"image_uri": ""}},
    "an image of another registry": {"container_spec": {"image_uri": "docker.io/library/python"}},
    "a route without a slash": {"container_spec": {"image_uri": IMAGE, "predict_route": "p"}},
    "an artifact of another cloud": {"artifact_uri": "s3://bucket/model"},
    "an artifact that is not there": {"artifact_uri": "gs://bucket/model"},
    "an alias that is a number": {"version_aliases": ["7"]},
    "a key of another region": {
        "encryption_spec": {"kms_key_name": KEY.replace("us-central1", "us")}
    },
}


@pytest.mark.parametrize("case", NO_MODELS)
def test_a_model_that_cannot_be_is_refused(
    case: str, account: GcpAccount, models: v1.ModelServiceClient
) -> None:
    asked = {"display_name": "m", "container_spec": {"image_uri": IMAGE}, **NO_MODELS[case]}
    with pytest.raises(exceptions.InvalidArgument):
        models.upload_model(parent=account.parent, model=asked)


def test_versions_and_their_aliases_are_one_anothers(
    account: GcpAccount, models: v1.ModelServiceClient
) -> None:
    def upload(**changes: Any) -> Any:
        asked = {"display_name": "m", "container_spec": {"image_uri": IMAGE}}
        return models.upload_model({"parent": account.parent, "model": asked, **changes})

    for id_ in ("7up", "-x", "Capital", "x" * 64):
        with pytest.raises(exceptions.InvalidArgument):
            upload(model_id=id_)
    begun = upload(model_id="mine")
    name = begun.result().model
    assert type(begun.metadata).__name__ == "UploadModelOperationMetadata"
    with pytest.raises(exceptions.AlreadyExists):
        upload(model_id="mine")
    with pytest.raises(exceptions.NotFound):
        upload(parent_model=f"{account.parent}/models/nobodys")
    assert upload(parent_model=name).result().model_version_id == "2"
    for at, aliases in ((name, ["a-1"]), (f"{name}@2", ["1"]), (f"{name}@1", ["-default"])):
        with pytest.raises(exceptions.InvalidArgument):
            models.merge_version_aliases(name=at, version_aliases=aliases)
    with pytest.raises(exceptions.FailedPrecondition):
        models.delete_model_version(name=f"{name}@1")
    with pytest.raises(exceptions.NotFound):
        models.get_model(name=f"{name}@champion")
    ordered = models.list_models(
        {"parent": account.parent, "order_by": "display_name, create_time"}
    )
    assert [each.display_name for each in ordered] == sorted(each.display_name for each in ordered)
    with pytest.raises(exceptions.InvalidArgument):
        models.list_models({"parent": account.parent, "order_by": "colour"})
    changed = v1.Model(name=name, display_name="m", etag="of-before")
    with pytest.raises(exceptions.Aborted):
        models.update_model(model=changed, update_mask={"paths": ["description"]})
    with pytest.raises(exceptions.InvalidArgument):
        models.update_model(model=v1.Model(name=name), update_mask={"paths": ["container_spec"]})
    models.delete_model(name=name).result()
