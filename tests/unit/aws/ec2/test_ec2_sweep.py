"""A sweep over EC2: a job goes with its run, and a machine that no job knows is found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blocks.contracts import Inventory, RunKey, TrainingJobs
from blocks.providers.aws.store import AwsStore
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.cost import LocalPrices
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.monitor import LocalMonitor
from blocks.testing.waiting import until
from tasks.runs import close_run, open_run
from tasks.sweep.found import Found, SweepReport
from tasks.sweep.places import Places
from tasks.sweep.removal import sweep_places
from tasks.sweep.spec import SweepSpec


@pytest.fixture
def places(bench: Any, tmp_path: Path) -> Places:
    here = LocalMachine(workspace=tmp_path / "here")
    return Places(
        inventories=(bench.connect(Inventory),),
        endpoints=LocalEndpoints(machine=here),
        monitor=LocalMonitor(machine=here),
        store=AwsStore(account=bench.account),
        prices=LocalPrices(machine=here),
    )


def swept(places: Places, *, remove: bool = False) -> SweepReport:
    spec, now = SweepSpec(grace=timedelta(0)), datetime.now(UTC)
    return sweep_places(places, spec, now=now, remove=remove, who="ann@here")


def orphans(places: Places) -> list[Found]:
    return [each for each in swept(places).orphans if each.resource is not None]


def test_a_job_goes_with_its_run_and_a_lost_machine_at_once(bench: Any, places: Places) -> None:
    open_run(places.store, "flights", "digest", run="mine")
    asked = bench.training_request().model_copy(
        update={"output_uri": f"{places.store.root}/runs/mine/output"}
    )
    ref = bench.connect(TrainingJobs).submit(asked, key=RunKey(run="mine", step="train"))
    bench.begin(ref)
    tags = bench.account.tags(token="0" * 32)
    bench.account.client("ec2").run_instances(
        ImageId="ami-0123456789abcdef0",
        InstanceType="m7i.large",
        MinCount=1,
        MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )
    [lost] = orphans(places)
    assert lost.kind == "instance"
    assert lost.per_day is None  # nobody here knows what an m7i.large costs: not nothing
    assert swept(places, remove=True).removed == (f"instance {lost.name}",)
    until(lambda: orphans(places) == [])
    close_run(places.store, "flights", "mine", how="done")
    [job] = orphans(places)
    assert (job.kind, job.name) == ("training-job", ref.id)
    swept(places, remove=True)
    until(lambda: not bench.running())
