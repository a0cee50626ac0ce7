"""Which endpoints and deployments Vertex AI takes, through the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import aiplatform_v1 as v1

from blocks.providers.gcp.account import GcpAccount
from tests.unit.gcp.refusals.asked import (
    IMAGE,
    POD,
)


@pytest.fixture(scope="module")
def model(account: GcpAccount) -> str:
    """A model that is uploaded, without a file."""
    asked = {"display_name": "served", "container_spec": {"image_uri": IMAGE}}
    done = account.client(v1.ModelServiceClient).upload_model(parent=account.parent, model=asked)
    return str(done.result().model)


@pytest.fixture(scope="module")
def endpoint(account: GcpAccount) -> str:
    asked = {"display_name": "endpoint"}
    client = account.client(v1.EndpointServiceClient)
    return str(client.create_endpoint(parent=account.parent, endpoint=asked).result().name)


NO_ENDPOINTS: dict[str, dict[str, Any]] = {
    "no name": {"display_name": ""},
    "a long name": {"display_name": "n" * 129},
    "a split among nobody": {"traffic_split": {"1": 100}},
    "a network and a private address": {
        "network": "projects/1/global/networks/n",
        "private_service_connect_config": {"enable_private_service_connect": True},
    },
    "a private address and one of its own": {
        "dedicated_endpoint_enabled": True,
        "private_service_connect_config": {"enable_private_service_connect": True},
    },
    "a private address for what is no project": {
        "private_service_connect_config": {
            "enable_private_service_connect": True,
            "project_allowlist": ["No Project"],
        },
    },
    "a forwarding rule in a project that is not allowed": {
        "private_service_connect_config": {
            "enable_private_service_connect": True,
            "project_allowlist": ["project-1"],
            "psc_automation_configs": [
                {"project_id": "project-2", "network": "projects/project-2/global/networks/n"}
            ],
        },
    },
    "a forwarding rule in a network that is named in short": {
        "private_service_connect_config": {
            "enable_private_service_connect": True,
            "project_allowlist": ["project-1"],
            "psc_automation_configs": [{"project_id": "project-1", "network": "n"}],
        },
    },
    "logging of nothing": {
        "predict_request_response_logging_config": {
            "enabled": True,
            "sampling_rate": 0.0,
            "bigquery_destination": {"output_uri": "bq://project-1"},
        }
    },
    "logging to nowhere": {
        "predict_request_response_logging_config": {
            "enabled": True,
            "sampling_rate": 1.0,
            "bigquery_destination": {"output_uri": "gs://bucket"},
        }
    },
}


@pytest.mark.parametrize("case", NO_ENDPOINTS)
def test_an_endpoint_that_cannot_be_is_refused(
    case: str, account: GcpAccount, endpoints: v1.EndpointServiceClient
) -> None:
    asked = {"display_name": "e", **NO_ENDPOINTS[case]}
    with pytest.raises(exceptions.InvalidArgument):
        endpoints.create_endpoint(parent=account.parent, endpoint=asked)


@pytest.mark.parametrize("id_", ["Capital", "ends-", "012", "1234567890", "x" * 64, "a_b"])
def test_an_id_that_no_endpoint_has_is_refused(
    id_: str, account: GcpAccount, endpoints: v1.EndpointServiceClient
) -> None:
    asked = {"parent": account.parent, "endpoint_id": id_, "endpoint": {"display_name": "e"}}
    with pytest.raises(exceptions.InvalidArgument):
        endpoints.create_endpoint(asked)


CPU = "aiplatform.googleapis.com/prediction/online/cpu/utilization"
ONE = {"machine_spec": {"machine_type": "n1-standard-2"}, "min_replica_count": 1}
NO_DEPLOYMENTS: dict[str, dict[str, Any]] = {
    "no resources": {"dedicated_resources": None},
    "resources of AutoML": {
        "dedicated_resources": None,
        "automatic_resources": {"min_replica_count": 1},
    },
    "no replicas": {"dedicated_resources": {**ONE, "min_replica_count": 0}},
    "bounds that cross": {
        "dedicated_resources": {**ONE, "min_replica_count": 3, "max_replica_count": 2}
    },
    "a machine that there is not": {
        "dedicated_resources": {**ONE, "machine_spec": {"machine_type": "huge"}}
    },
    "a metric that there is not": {
        "dedicated_resources": {**ONE, "autoscaling_metric_specs": [{"metric_name": "luck"}]}
    },
    "a metric twice": {
        "dedicated_resources": {
            **ONE,
            "autoscaling_metric_specs": [{"metric_name": CPU}, {"metric_name": CPU}],
        }
    },
    "more than all of a processor": {
        "dedicated_resources": {
            **ONE,
            "autoscaling_metric_specs": [{"metric_name": CPU, "target": 101}],
        }
    },
    "spot for a slice of a TPU Pod": {
        "dedicated_resources": {**ONE, "machine_spec": POD, "spot": True}
    },
    "letters in its id": {"id": "blue"},
}


@pytest.mark.parametrize("case", NO_DEPLOYMENTS)
def test_what_cannot_be_deployed_is_refused(
    case: str, endpoints: v1.EndpointServiceClient, endpoint: str, model: str
) -> None:
    asked = {"model": model, "dedicated_resources": ONE, **NO_DEPLOYMENTS[case]}
    given = {name: value for name, value in asked.items() if value is not None}
    with pytest.raises(exceptions.InvalidArgument):
        endpoints.deploy_model(endpoint=endpoint, deployed_model=given)
    assert not endpoints.get_endpoint(name=endpoint).deployed_models


def test_traffic_goes_to_models_of_the_endpoint_and_adds_up(
    account: GcpAccount,
    endpoints: v1.EndpointServiceClient,
    models: v1.ModelServiceClient,
    endpoint: str,
    model: str,
) -> None:
    """From the first deployment, on the usual machine, to an endpoint that can be deleted."""
    plain = {"model": model, "dedicated_resources": {"machine_spec": {}, "min_replica_count": 1}}
    blue = {**plain, "id": "1"}
    for split in ({"0": 99}, {"0": 50, "7": 50}, {"0": 150, "1": -50}):
        with pytest.raises(exceptions.InvalidArgument):
            endpoints.deploy_model(endpoint=endpoint, deployed_model=blue, traffic_split=split)
    begun = endpoints.deploy_model(endpoint=endpoint, deployed_model=blue, traffic_split={"0": 100})
    with pytest.raises(exceptions.FailedPrecondition):  # one change at a time
        endpoints.delete_endpoint(name=endpoint)
    assert begun.result().deployed_model.display_name == "served"
    assert type(begun.metadata).__name__ == "DeployModelOperationMetadata"
    times = begun.metadata.generic_metadata
    assert times.create_time <= times.update_time
    with pytest.raises(exceptions.AlreadyExists):
        endpoints.deploy_model(endpoint=endpoint, deployed_model=blue)
    endpoints.deploy_model(endpoint=endpoint, deployed_model={**plain, "id": "2"}).result()
    there = endpoints.get_endpoint(name=endpoint)
    assert dict(there.traffic_split) == {"1": 100}
    assert {each.dedicated_resources.machine_spec.machine_type for each in there.deployed_models}

    def update(paths: list[str], **changes: Any) -> v1.Endpoint:
        asked = v1.Endpoint(name=endpoint, **changes)
        return endpoints.update_endpoint(endpoint=asked, update_mask={"paths": paths})

    for split in ({"1": 60, "2": 60}, {"1": 50, "3": 50}):
        with pytest.raises(exceptions.InvalidArgument):
            update(["traffic_split"], display_name="e", traffic_split=split)
    for paths in ([], ["colour"], ["etag"], ["deployed_models"], ["display_name.colour"]):
        with pytest.raises(exceptions.InvalidArgument):
            update(paths, display_name="e")
    with pytest.raises(exceptions.Aborted):
        update(["display_name"], display_name="e", etag="of-before")
    assert update(["description"], display_name="not this", description="d").display_name == (
        "endpoint"
    )
    with pytest.raises(exceptions.FailedPrecondition):
        endpoints.undeploy_model(endpoint=endpoint, deployed_model_id="1")
    with pytest.raises(exceptions.NotFound):
        endpoints.undeploy_model(endpoint=endpoint, deployed_model_id="9")
    with pytest.raises(exceptions.FailedPrecondition):
        endpoints.delete_endpoint(name=endpoint)
    with pytest.raises(exceptions.FailedPrecondition):
        models.delete_model(name=model)
    moved = {"1": 0, "2": 100}  # what is taken down may be named, without a share
    endpoints.undeploy_model(endpoint=endpoint, deployed_model_id="1", traffic_split=moved).result()
    assert dict(endpoints.get_endpoint(name=endpoint).traffic_split) == {"2": 100}
    endpoints.undeploy_model(endpoint=endpoint, deployed_model_id="2").result()
    assert dict(endpoints.get_endpoint(name=endpoint).traffic_split) == {}
    asking = account.client(v1.PredictionServiceClient)
    with pytest.raises(exceptions.FailedPrecondition):
        asking.predict(endpoint=endpoint, instances=[{"x": 1.0}])
    endpoints.delete_endpoint(name=endpoint).result()
    with pytest.raises(exceptions.NotFound):
        endpoints.get_endpoint(name=endpoint)
