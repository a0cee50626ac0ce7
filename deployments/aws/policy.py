"""The least that IAM has to allow: to whoever runs flows, and to the role that jobs run as.

What blocks and containers call is checked against the calls of an emulated account, both ways.
What SageMaker does by itself under the role is from its documentation, and is kept apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SAGEMAKER = "arn:aws:sagemaker:{region}:{account}"
_OBJECTS = "arn:aws:s3:::{bucket}/{prefix}/*"
_BUCKET = "arn:aws:s3:::{bucket}"
_SECRETS = "arn:aws:secretsmanager:{region}:{account}:secret:{secrets}"
_LOGS = "arn:aws:logs:{region}:{account}:log-group:/aws/sagemaker/*"
_EVERYTHING = "*"  # what has no resource of its own, by the service's own table of actions


def _of(resource: str, *operations: str) -> dict[str, str]:
    return {f"sagemaker:{name}": f"{_SAGEMAKER}:{resource}" for name in operations}


_SCALED = "arn:aws:application-autoscaling:{region}:{account}:scalable-target/*"
_ALARM = "arn:aws:cloudwatch:{region}:{account}:alarm:bluewater-*"

CALLER: Mapping[str, str] = {
    "application-autoscaling:DeregisterScalableTarget": _SCALED,
    "application-autoscaling:PutScalingPolicy": _SCALED,
    "application-autoscaling:RegisterScalableTarget": _SCALED,
    # alarms of queues that wake a machine
    "cloudwatch:DeleteAlarms": _ALARM,
    "cloudwatch:DescribeAlarms": _EVERYTHING,
    "cloudwatch:GetMetricData": _EVERYTHING,  # what CloudWatch counts of endpoints
    "cloudwatch:ListTagsForResource": _ALARM,
    "cloudwatch:PutMetricAlarm": _ALARM,
    "logs:DescribeLogStreams": _LOGS,
    "logs:FilterLogEvents": _LOGS,
    "pricing:GetProducts": _EVERYTHING,  # where AWS's list is asked for prices
    "s3:DeleteObject": _OBJECTS,
    "s3:GetObject": _OBJECTS,
    "s3:ListBucket": _BUCKET,
    "s3:PutObject": _OBJECTS,
    "secretsmanager:GetSecretValue": _SECRETS,
    **_of(
        "training-job/bluewater-*", "CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob"
    ),
    **_of(
        "processing-job/bluewater-*",
        "CreateProcessingJob",
        "DescribeProcessingJob",
        "StopProcessingJob",
    ),
    **_of("model/bluewater-*", "CreateModel", "DescribeModel", "DeleteModel"),
    **_of(
        "endpoint-config/bluewater-*",
        "CreateEndpointConfig",
        "DescribeEndpointConfig",
        "DeleteEndpointConfig",
    ),
    **_of(
        "endpoint/bluewater-*",
        "CreateEndpoint",
        "DeleteEndpoint",
        "DescribeEndpoint",
        "InvokeEndpointAsync",
        "UpdateEndpoint",
        "UpdateEndpointWeightsAndCapacities",
    ),
    # of an endpoint and, where models share its machines, of the component, too
    **_of("*/bluewater-*", "CreateInferenceComponent", "InvokeEndpoint"),
    **_of(
        "inference-component/bluewater-*",
        "DeleteInferenceComponent",
        "DescribeInferenceComponent",
        "UpdateInferenceComponentRuntimeConfig",
    ),
    **_of(
        "data-quality-job-definition/bluewater-*",
        "CreateDataQualityJobDefinition",
        "DeleteDataQualityJobDefinition",
        "DescribeDataQualityJobDefinition",
    ),
    **_of(
        "monitoring-schedule/bluewater-*",
        "CreateMonitoringSchedule",
        "DeleteMonitoringSchedule",
        "DescribeMonitoringSchedule",
        "UpdateMonitoringSchedule",
    ),
    # groups are called as the models are in the specification
    **_of("model-package-group/*", "CreateModelPackageGroup", "DescribeModelPackageGroup"),
    **_of("model-package/*", "CreateModelPackage", "DescribeModelPackage", "UpdateModelPackage"),
    **_of("feature-group/bluewater-*", "DeleteFeatureGroup", "DescribeFeatureGroup"),
    **_of("*", "AddTags", "ListTags"),
    "sagemaker:ListDataQualityJobDefinitions": _EVERYTHING,
    "sagemaker:ListEndpointConfigs": _EVERYTHING,
    "sagemaker:ListEndpoints": _EVERYTHING,
    "sagemaker:ListFeatureGroups": _EVERYTHING,
    "sagemaker:ListInferenceComponents": _EVERYTHING,
    "sagemaker:ListModelPackages": _EVERYTHING,  # after a reply that was lost
    "sagemaker:ListModels": _EVERYTHING,
    "sagemaker:ListMonitoringExecutions": _EVERYTHING,
    "sagemaker:ListMonitoringSchedules": _EVERYTHING,
    "sagemaker:ListProcessingJobs": _EVERYTHING,
    "sagemaker:ListTrainingJobs": _EVERYTHING,
}

# An alarm is tagged as it is made:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
TAGGING: Mapping[str, str] = {"cloudwatch:TagResource": _ALARM}

# What Application Auto Scaling does in the caller's name once a variant has bounds:
# https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-prerequisites.html
SCALING: Mapping[str, str] = {
    "cloudwatch:DeleteAlarms": _EVERYTHING,
    "cloudwatch:DescribeAlarms": _EVERYTHING,
    "cloudwatch:PutMetricAlarm": _EVERYTHING,
    "iam:CreateServiceLinkedRole": "arn:aws:iam::{account}:role/aws-service-role/"
    "sagemaker.application-autoscaling.amazonaws.com/*",
}

ROLE: Mapping[str, str] = {
    "s3:GetObject": _OBJECTS,
    "s3:ListBucket": _BUCKET,
    "s3:PutObject": _OBJECTS,
    "secretsmanager:GetSecretValue": _SECRETS,
}

# https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html: images, logs and metrics.
SERVICE: Mapping[str, str] = {
    "cloudwatch:PutMetricData": _EVERYTHING,
    "ecr:BatchCheckLayerAvailability": "arn:aws:ecr:{region}:{account}:repository/*",
    "ecr:BatchGetImage": "arn:aws:ecr:{region}:{account}:repository/*",
    "ecr:GetAuthorizationToken": _EVERYTHING,
    "ecr:GetDownloadUrlForLayer": "arn:aws:ecr:{region}:{account}:repository/*",
    "logs:CreateLogGroup": _LOGS,
    "logs:CreateLogStream": _LOGS,
    "logs:DescribeLogStreams": _LOGS,
    "logs:PutLogEvents": _LOGS,
    "sns:Publish": "arn:aws:sns:{region}:{account}:*",  # what waits in a queue is answered
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The account that the policies are for."""

    account: str
    region: str
    bucket: str
    role: str  # name of the role that jobs run as
    prefix: str = "bluewater"
    secrets: str = "*"  # names of the secrets that jobs and endpoints may read

    @property
    def role_arn(self) -> str:
        """ARN of the role that jobs run as."""
        return f"arn:aws:iam::{self.account}:role/{self.role}"


def caller_policy(place: Place) -> dict[str, Any]:
    """Return what whoever runs flows has to be allowed."""
    allowed = statements({**CALLER, **TAGGING, **SCALING}, place)
    return document([*allowed, passing(place, "sagemaker")])


def role_policy(place: Place) -> dict[str, Any]:
    """Return what the role that jobs and endpoints run as has to be allowed."""
    return document(statements({**ROLE, **SERVICE}, place))


def passing(place: Place, service: str) -> dict[str, Any]:
    """Return the statement that lets a caller hand the role to a service."""
    return {
        "Effect": "Allow",
        "Action": ["iam:PassRole"],
        "Resource": [place.role_arn],
        "Condition": {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}},
    }


def trust_policy(service: str = "sagemaker") -> dict[str, Any]:
    """Return who may take that role: one service alone."""
    principal = {"Service": f"{service}.amazonaws.com"}
    return document([{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}])


def statements(actions: Mapping[str, str], place: Place) -> list[dict[str, Any]]:
    """Return a statement for each resource, with all that may be done to it."""
    resources = sorted({_filled(resource, place) for resource in actions.values()})
    return [
        {
            "Effect": "Allow",
            "Action": sorted(name for name in actions if _filled(actions[name], place) == resource),
            "Resource": [resource],
        }
        for resource in resources
    ]


def _filled(resource: str, place: Place) -> str:
    return resource.format(
        account=place.account,
        region=place.region,
        bucket=place.bucket,
        prefix=place.prefix,
        secrets=place.secrets,
    )


def document(statements: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
