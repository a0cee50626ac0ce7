"""What is looked at and written down before a machine is asked for."""

from __future__ import annotations

import re
from typing import Any

from blocks.cloud.job_files import data_is_object
from blocks.contracts import InvalidRequest, TrainingRequest
from blocks.providers.aws import kit
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.ec2.calls import Options, to_choices, to_plan, to_template
from blocks.providers.aws.ec2.machines import Machines
from blocks.providers.aws.ec2.user_data import user_data
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.s3 import Objects, place_of
from blocks.providers.aws.secret import AwsSecrets

_IMAGE = re.compile(r"ami-[0-9a-f]{8,17}|resolve:ssm:/.+")


def prepared(
    request: TrainingRequest, token: str, record: str, place: tuple[AwsAccount, Machines]
) -> dict[str, Any]:
    """Return the job as it is written down, after a look at what would make it fail at its start.

    It holds the launch in full, so that whoever repeats it repeats the same.
    """
    account, machines = place
    one_object, options = _looked_at(account, request), _options(request, machines)
    script = user_data(
        kit=kit.shipped(account),
        record=record,
        region=account.region,
        python=machines.python,
        setup=machines.setup,
        max_duration=request.max_duration,
    )
    plan = to_plan(request, token, account=account, options=options, data_is_object=one_object)
    kinds = dict.fromkeys((request.machine, *machines.alternatives))
    return {
        "plan": plan.to_json(),
        "template": to_template(script, token, account=account, options=options),
        "choices": to_choices([*kinds], _places(account, request.zone)),
        "spot": request.spot,
        "max_price": machines.max_price,
    }


def _looked_at(account: AwsAccount, request: TrainingRequest) -> bool:
    """Return whether the data is one object. Raises what would make the job fail."""
    secrets = AwsSecrets(account=account)
    for name in request.secrets.values():
        secrets.get(name)
    for uri in (request.checkpoint_uri, request.output_uri):
        place_of(uri)
    return data_is_object(Objects(account.client("s3", attempts=READS)), request)


def _options(request: TrainingRequest, machines: Machines) -> Options:
    image = request.image or machines.image_id
    if not _IMAGE.fullmatch(image):
        raise InvalidRequest(
            f"image: EC2 starts machine images, and {image!r} is none; give an ami-... id or "
            "resolve:ssm:/path, or leave it empty",
            code="IMAGE",
        )
    if not machines.instance_profile:
        raise InvalidRequest(
            "no instance profile; set it in the block or in BLUEWATER_EC2_PROFILE", code="PROFILE"
        )
    return Options(
        image_id=image,
        instance_profile=machines.instance_profile,
        volume_gb=machines.volume_gb,
        root_device=machines.root_device,
        max_price=machines.max_price,
        look_every=machines.look_every,
        sync_every=machines.sync_every,
        grace=machines.grace,
    )


def _places(account: AwsAccount, zone: str) -> list[dict[str, str]]:
    """Return where a machine may be: our subnets, in that zone if one is asked for."""
    if not account.subnets:
        return [{"AvailabilityZone": zone}] if zone else []
    ec2 = account.client("ec2", attempts=READS)
    found = ec2.describe_subnets(SubnetIds=list(account.subnets))["Subnets"]
    zones = {each["SubnetId"]: each["AvailabilityZone"] for each in found}
    fitting = [name for name in account.subnets if zone in ("", zones[name])]
    if not fitting:
        raise InvalidRequest(
            f"zone: none of our subnets is in {zone}; they are in {sorted(set(zones.values()))}",
            code="ZONE",
        )
    return [{"SubnetId": name} for name in fitting]
