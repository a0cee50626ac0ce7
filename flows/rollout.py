"""Bring a registered version to an endpoint, or return the endpoint to the version before."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow

from blocks.contracts import Endpoints, InvalidRequest, ModelRegistry, Monitor, ObjectStore
from blocks.platform import Platform
from flows.stores import store_of_endpoints
from tasks.rollout.driver import Ports
from tasks.rollout.report import RolloutReport
from tasks.rollout.stage import roll_out, take_back
from tasks.specification.spec import ReleaseSpec
from tasks.transfer.stage import carry_model, upload_sources


@flow(name="rollout", flow_run_name="rollout {spec.name} version {version}", log_prints=False)
def rollout(platform: Platform, spec: ReleaseSpec, version: str, run: str = "") -> RolloutReport:
    """Bring a version that is registered already to the endpoint of the specification.

    Started again with the same ``run`` (default: the version), it goes on where it was.

    Args:
        platform: Where the version is registered and served.
        spec: The specification of a release; its data and training are not used.
        version: Which version of the registry, e.g. 7.
        run: Go on with the rollout of this name. Leave it empty to name it by the version.
    """
    ports = to_ports(platform)
    model = ports.models.find(spec.name, version)
    if model is None:
        raise InvalidRequest(f"{spec.name!r} has no version {version!r}; register it first")
    name = run or f"rollout-{spec.name}-{version}"
    there = upload_sources(ports.store, spec, run=name)
    carried = carry_model(
        model, ports.endpoints, store=ports.store, there=store_of_endpoints(platform), run=name
    )
    return roll_out(ports, there.rollout, carried, alias=spec.alias, run=name)


@flow(name="rollback", flow_run_name="rollback {endpoint}", log_prints=False)
def rollback(
    platform: Platform, endpoint: str, why: str = "asked by hand", unfinished_only: bool = False
) -> RolloutReport:
    """Return an endpoint, and its alias, to the version before.

    In the middle of a rollout that is the version which has the rest of the traffic; whoever drives
    the rollout stops.

    Args:
        platform: Where the endpoint is.
        endpoint: Name of the endpoint, e.g. flights.
        why: A reason that the journal keeps.
        unfinished_only: End a rollout that is going on; leave one that has ended as it is.
    """
    run = f"rollback-{endpoint}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    return take_back(
        to_ports(platform), endpoint, why=why, run=run, unfinished_only=unfinished_only
    )


def to_ports(platform: Platform) -> Ports:
    """Return the contracts that a rollout works through."""
    return Ports(
        endpoints=platform.connect(Endpoints),
        monitor=platform.connect(Monitor),
        models=platform.connect(ModelRegistry),
        store=platform.connect(ObjectStore),
    )
