"""What the emulated EC2 refuses, and that it behaves, through the real SDK."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from blocks.providers.aws.bench import KEY
from blocks.providers.aws.emulator.ec2_machine import taken
from blocks.testing.waiting import NEVER, until

CALL: dict[str, Any] = {
    "ImageId": "ami-0123456789abcdef0",
    "InstanceType": "m7i.large",
    "MinCount": 1,
    "MaxCount": 1,
    "ClientToken": "one",
}
ASKS_FOR_ITSELF = """#!/bin/sh
echo "$AWS_EC2_METADATA_SERVICE_ENDPOINT"
sleep 600
"""


@pytest.fixture
def ec2(bench: Any) -> Any:
    return bench.account.client("ec2")


def test_one_client_token_is_one_machine(bench: Any, ec2: Any) -> None:
    first, again = (ec2.run_instances(**CALL)["Instances"][0]["InstanceId"] for _ in range(2))
    assert first == again
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        ec2.run_instances(**{**CALL, "InstanceType": "m6i.large"})
    assert ec2.run_instances(**{**CALL, "ClientToken": "two"})["Instances"][0] != first


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ImageId": "debian"}, "InvalidAMIID.Malformed"),
        ({"IamInstanceProfile": {"Name": "nobody"}}, "InvalidParameterValue"),
        ({"SubnetId": "subnet-0"}, "InvalidSubnetID.NotFound"),
        ({"Placement": {"AvailabilityZone": "mars-1a"}}, "InvalidParameterValue"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue"),
        ({"ClientToken": "x" * 65}, "InvalidParameterValue"),
        ({"InstanceType": "m99.huge"}, "InvalidParameterValue"),
    ],
)
def test_a_launch_that_breaks_the_rules_is_refused(
    bench: Any, ec2: Any, change: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        ec2.run_instances(**{**CALL, **change})
    assert caught.value.response["Error"]["Code"] == code


def test_an_unknown_machine_is_not_found(ec2: Any) -> None:
    for ask in (ec2.describe_instances, ec2.terminate_instances):
        with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
            ask(InstanceIds=["i-00000000000000000"])


def test_user_data_that_ends_leaves_a_machine_that_bills(bench: Any, ec2: Any) -> None:
    """Nothing but a shutdown ends a machine: who forgets it pays."""
    [told] = ec2.run_instances(**CALL, UserData="#!/bin/sh\necho done")["Instances"]
    ask = {"InstanceIds": [told["InstanceId"]]}

    def seen() -> dict[str, Any]:
        found: dict[str, Any] = ec2.describe_instances(**ask)["Reservations"][0]["Instances"][0]
        return found

    until(lambda: ec2.get_console_output(InstanceId=told["InstanceId"])["Output"] == "done")
    bench.emulator.advance(3600)
    assert seen()["State"]["Name"] == "running"
    ec2.terminate_instances(**ask)
    until(lambda: seen()["State"]["Name"] == "terminated")
    assert seen()["StateReason"]["Code"] == "Client.UserInitiatedShutdown"


def test_the_metadata_service_wants_a_token_and_tells_the_notice(bench: Any, ec2: Any) -> None:
    spot = {"InstanceMarketOptions": {"MarketType": "spot"}}
    [told] = ec2.run_instances(**CALL, **spot, UserData=ASKS_FOR_ITSELF)["Instances"]
    id_ = told["InstanceId"]
    until(lambda: ec2.get_console_output(InstanceId=id_)["Output"])
    address = ec2.get_console_output(InstanceId=id_)["Output"].strip()
    action = f"{address}latest/meta-data/spot/instance-action"
    assert httpx.get(action, timeout=NEVER).status_code == 401
    token = httpx.put(f"{address}latest/api/token").text
    headers = {"X-aws-ec2-metadata-token": token}
    assert httpx.get(action, headers=headers, timeout=NEVER).status_code == 404
    bench.emulator.pull("ec2-reclaim", instance=id_)
    assert (
        json.loads(httpx.get(action, headers=headers, timeout=NEVER).text)["action"] == "terminate"
    )
    bench.emulator.advance(120)

    def reason() -> str:
        [group] = ec2.describe_instances(InstanceIds=[id_])["Reservations"]
        return str(group["Instances"][0].get("StateReason", {}).get("Code", ""))

    until(lambda: reason() == "Server.SpotInstanceTermination")


def test_a_machine_on_demand_is_never_taken_back(bench: Any, ec2: Any) -> None:
    [told] = ec2.run_instances(**CALL)["Instances"]
    with pytest.raises(ValueError, match="no spot instance"):
        bench.emulator.pull("ec2-reclaim", instance=told["InstanceId"])


def test_a_fleet_needs_its_template(ec2: Any) -> None:
    config = {"LaunchTemplateSpecification": {"LaunchTemplateName": "none", "Version": "1"}}
    capacity = {"TotalTargetCapacity": 1, "DefaultTargetCapacityType": "spot"}
    with pytest.raises(ClientError, match=r"InvalidLaunchTemplateName\.NotFoundException"):
        ec2.create_fleet(
            Type="instant", LaunchTemplateConfigs=[config], TargetCapacitySpecification=capacity
        )
    data = base64.b64encode(b"#!/bin/sh").decode()
    template = {"LaunchTemplateName": "none", "LaunchTemplateData": {"UserData": data}}
    ec2.create_launch_template(**template)
    with pytest.raises(ClientError, match="AlreadyExists"):
        ec2.create_launch_template(**template)


def test_an_action_outside_the_policy_is_unauthorized(bench: Any, ec2: Any) -> None:
    bench.emulator.pull("policy", key=KEY, actions=["ec2:DescribeInstances"])
    ec2.describe_instances()
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        ec2.run_instances(**CALL)


def test_a_machine_ends_by_its_latest_shutdown_however_close_it_came(tmp_path: Path) -> None:
    """User data that fails at once asks for its end right after it had set its timer."""
    order = tmp_path / "shutdown"
    for _ in range(300):
        told = Thread(target=_order, args=(order, 60.0, 0.0))
        told.start()
        until(lambda: taken(order) == 0.0, every=0)
        told.join()
    assert not order.exists()


def _order(order: Path, *minutes: float) -> None:
    draft = order.with_name("draft")
    for each in minutes:
        draft.write_text(str(each))
        draft.rename(order)
