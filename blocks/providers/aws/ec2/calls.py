"""Training in EC2's words. Pure: no call is made here."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from blocks.contracts import TrainingRequest
from blocks.providers.aws.account import AwsAccount
from blocks.workload.instance.plan import Plan

LOG_GROUP = "/bluewater/training"
_STRATEGY = "price-capacity-optimized"  # the one that AWS recommends for spot


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a training block is set to, beyond the request."""

    image_id: str
    instance_profile: str
    volume_gb: int
    root_device: str
    max_price: str
    look_every: timedelta
    sync_every: timedelta
    grace: timedelta


def to_plan(
    request: TrainingRequest,
    token: str,
    *,
    account: AwsAccount,
    options: Options,
    data_is_object: bool,
) -> Plan:
    """Return what the machine is told."""
    timing: dict[str, Any] = {
        "look_every": options.look_every.total_seconds(),
        "sync_every": options.sync_every.total_seconds(),
        "grace": options.grace.total_seconds(),
    }
    return Plan(
        token=token,
        region=account.region,
        command=request.command,
        parameters=dict(request.parameters),
        env=dict(request.env),
        secrets=dict(request.secrets),
        **_places(request, data_is_object=data_is_object),
        max_seconds=request.max_duration.total_seconds(),
        log_group=LOG_GROUP,
        log_stream=account.named(token),
        kms_key=account.kms_key,
        **timing,
    )


def to_choices(
    machines: Sequence[str], places: Sequence[Mapping[str, str]]
) -> list[dict[str, str]]:
    """Return every machine in every place that will do, as a fleet overrides its template."""
    return [{"InstanceType": machine, **place} for machine in machines for place in places or [{}]]


def to_template(
    script: str, token: str, *, account: AwsAccount, options: Options
) -> dict[str, Any]:
    """Return what any machine of a job is like, in words that all kinds of launches share."""
    tags = [*account.tags(token=token), {"Key": "Name", "Value": account.named(token)}]
    disk: dict[str, Any] = {
        "VolumeSize": options.volume_gb,
        "VolumeType": "gp3",
        "Encrypted": True,
        "DeleteOnTermination": True,
    }
    if account.kms_key:
        disk["KmsKeyId"] = account.kms_key
    template: dict[str, Any] = {
        "ImageId": options.image_id,
        "IamInstanceProfile": _profile(options.instance_profile),
        "UserData": base64.b64encode(script.encode()).decode(),
        "InstanceInitiatedShutdownBehavior": "terminate",
        "MetadataOptions": {"HttpTokens": "required", "HttpEndpoint": "enabled"},
        "BlockDeviceMappings": [{"DeviceName": options.root_device, "Ebs": disk}],
        "TagSpecifications": [
            {"ResourceType": kind, "Tags": tags} for kind in ("instance", "volume")
        ],
    }
    if account.security_groups:
        template["SecurityGroupIds"] = list(account.security_groups)
    return template


def to_run_instances(job: Mapping[str, Any], client_token: str) -> dict[str, Any]:
    """Return the call that starts a job's machine where only one kind and place will do."""
    [choice] = job["choices"]
    call = {**job["template"], "InstanceType": choice["InstanceType"]}
    # boto3 encodes the user data of this call, and of this call only.
    call["UserData"] = base64.b64decode(call["UserData"]).decode()
    if "SubnetId" in choice:
        call["SubnetId"] = choice["SubnetId"]
    elif "AvailabilityZone" in choice:
        call["Placement"] = {"AvailabilityZone": choice["AvailabilityZone"]}
    if job["spot"]:
        spot = {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}
        if job["max_price"]:
            spot["MaxPrice"] = job["max_price"]
        call["InstanceMarketOptions"] = {"MarketType": "spot", "SpotOptions": spot}
    return {**call, "MinCount": 1, "MaxCount": 1, "ClientToken": client_token}


def to_create_launch_template(
    job: Mapping[str, Any], name: str, *, tags: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """Return the call that makes the template of a fleet."""
    return {
        "LaunchTemplateName": name,
        "LaunchTemplateData": job["template"],
        "TagSpecifications": [{"ResourceType": "launch-template", "Tags": list(tags)}],
    }


def to_create_fleet(
    job: Mapping[str, Any],
    client_token: str,
    *,
    template: str,
    tags: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    """Return the call that starts one machine, of whatever kind and place has one."""
    price = {"MaxPrice": job["max_price"]} if job["spot"] and job["max_price"] else {}
    config = {
        "LaunchTemplateSpecification": {"LaunchTemplateName": template, "Version": "$Latest"},
        "Overrides": [{**choice, **price} for choice in job["choices"]],
    }
    capacity = {
        "TotalTargetCapacity": 1,
        "DefaultTargetCapacityType": "spot" if job["spot"] else "on-demand",
    }
    call: dict[str, Any] = {
        "Type": "instant",
        "LaunchTemplateConfigs": [config],
        "TargetCapacitySpecification": capacity,
        "TagSpecifications": [{"ResourceType": "fleet", "Tags": list(tags)}],
        "ClientToken": client_token,
    }
    spot = {"AllocationStrategy": _STRATEGY, "InstanceInterruptionBehavior": "terminate"}
    return {**call, "SpotOptions": spot} if job["spot"] else call


def client_token(name: str, number: int) -> str:
    """Return the token of a job's n-th try to get a machine: 64 letters, as many as are allowed."""
    return hashlib.sha256(f"{name}/{number}".encode()).hexdigest()


def _places(request: TrainingRequest, *, data_is_object: bool) -> dict[str, Any]:
    return {
        "source_uri": request.source_uri,
        "data_uri": request.data_uri,
        "data_is_object": data_is_object,
        "checkpoint_uri": request.checkpoint_uri,
        "output_uri": request.output_uri.rstrip("/"),
    }


def _profile(told: str) -> dict[str, str]:
    return {"Arn": told} if told.startswith("arn:") else {"Name": told}
