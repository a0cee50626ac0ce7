"""The page of calls is what a release calls, and every call on it is one that AWS would take."""

from __future__ import annotations

import json
import re
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from blocks.providers.aws.emulator import shapes
from deployments.aws.calls import PAGE, told

WRITTEN = re.compile(r"`([\w-]+):(\w+)`\n\n```json\n(.*?)\n```", re.DOTALL)


def calls() -> list[tuple[str, str, dict[str, Any]]]:
    """Return service, operation and parameters of every call on the page."""
    found = WRITTEN.findall(PAGE.read_text())
    return [(service, operation, json.loads(said)) for service, operation, said in found]


def test_every_call_on_the_page_passes_the_sdks_own_validator() -> None:
    models = {
        service: boto3.client(service, region_name="us-east-1").meta.service_model
        for service in {service for service, *_ in calls()}
    }
    assert len(calls()) > 20
    for service, operation, said in calls():
        model = models[service].operation_model(operation)
        report = ParamValidator().validate(said, model.input_shape)
        assert not report.has_errors(), f"{operation}: {report.generate_report()}"
        shapes.check_request(model, said)  # names, lengths and choices, which the SDK leaves out


def test_the_page_has_every_call_that_changes_something_in_a_release() -> None:
    assert {operation for _, operation, _ in calls()} >= {
        "CreateTrainingJob",
        "CreateModelPackageGroup",
        "CreateModelPackage",
        "UpdateModelPackage",
        "CreateModel",
        "CreateEndpointConfig",
        "CreateEndpoint",
        "UpdateEndpoint",
        "UpdateEndpointWeightsAndCapacities",
        "CreateInferenceComponent",
        "CreateMonitoringSchedule",
        "DeleteInferenceComponent",
        "DeleteMonitoringSchedule",
        "CreateProcessingJob",
        "CreateTransformJob",
        "RegisterScalableTarget",
        "PutScalingPolicy",
        "DeregisterScalableTarget",
        "DeleteEndpoint",
        "DeleteEndpointConfig",
        "DeleteModel",
    }


def test_a_configuration_is_made_before_it_is_used_and_goes_after_it_was() -> None:
    """The old one may go only once the new one is in force."""
    made, gone, in_force = set[str](), set[str](), dict[str, str]()
    for _, operation, said in calls():
        name = said.get("EndpointConfigName", "")
        if operation == "CreateEndpointConfig":
            made.add(name)
        elif operation in ("CreateEndpoint", "UpdateEndpoint"):
            assert name in made - gone
            in_force[said["EndpointName"]] = name
        elif operation == "DeleteEndpoint":
            in_force.pop(said["EndpointName"])
        elif operation == "DeleteEndpointConfig":
            assert name in made - gone
            assert name not in in_force.values()
            gone.add(name)
    assert made == gone


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_page_is_what_a_release_calls() -> None:
    """``python -m deployments.aws.calls`` writes it anew."""
    assert told() == PAGE.read_text()
