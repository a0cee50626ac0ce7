"""What a crash may leave on EC2, found by its tag."""

from __future__ import annotations

from typing import Any

import pytest

from blocks.contracts import Denied, Inventory, Resource
from blocks.testing.waiting import until

TYPE = {"ImageId": "ami-0123456789abcdef0", "InstanceType": "m7i.large"}


@pytest.fixture
def inventory(bench: Any) -> Inventory:
    found: Inventory = bench.connect(Inventory)
    return found


def start(bench: Any, tags: list[dict[str, str]]) -> str:
    answer = bench.account.client("ec2").run_instances(
        **TYPE,
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    return str(answer["Instances"][0]["InstanceId"])


def test_a_machine_without_a_job_is_found_and_ended(bench: Any, inventory: Inventory) -> None:
    id_ = start(bench, bench.account.tags(token="0" * 32))
    [found] = inventory.owned()
    assert (found.kind, found.id, found.running) == ("instance", id_, True)
    inventory.remove(found)
    until(lambda: not list(inventory.owned()))
    inventory.remove(found)
    inventory.remove(found.model_copy(update={"id": f"i-{'0' * 17}"}))


def test_a_machine_of_somebody_else_is_not_touched(bench: Any, inventory: Inventory) -> None:
    id_ = start(bench, [{"Key": "bluewater:owner", "Value": "somebody"}])
    assert list(inventory.owned()) == []
    template = Resource(
        kind="instance", id=id_, name=id_, created="2026-01-01T00:00:00Z", running=True
    )
    with pytest.raises(Denied):
        inventory.remove(template)
    states = {each["id"]: each["state"] for each in bench.emulator.pull("ec2-instances")}
    assert states[id_] in ("pending", "running")


def test_a_template_that_was_left_is_found_and_removed(bench: Any, inventory: Inventory) -> None:
    name = bench.account.named("0" * 32)
    bench.account.client("ec2").create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData=TYPE,
        TagSpecifications=[
            {"ResourceType": "launch-template", "Tags": bench.account.tags(token="0" * 32)}
        ],
    )
    [found] = inventory.owned()
    assert (found.kind, found.id, found.running) == ("launch-template", name, False)
    inventory.remove(found)
    inventory.remove(found)
    assert list(inventory.owned()) == []
