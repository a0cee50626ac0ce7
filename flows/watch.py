"""Look at live traffic: has it drifted from what the model was trained on?"""

from __future__ import annotations

from prefect import flow

from blocks.contracts import (
    Endpoints,
    InvalidRequest,
    ModelRegistry,
    Monitor,
    MonitoringSchedules,
    ObjectStore,
    Prices,
    ProcessingJobs,
)
from blocks.platform import Platform
from flows.stores import store_of_endpoints
from tasks.promotion.stage import settle_alias_of
from tasks.watch.reference import NAME
from tasks.watch.report import WatchReport
from tasks.watch.spec import WatchSpec
from tasks.watch.stage import watch_endpoint
from tasks.watch.training import BASELINE


@flow(name="watch", flow_run_name="watch {endpoint}", log_prints=False)
def watch(
    platform: Platform, endpoint: str, spec: WatchSpec | None = None, alias: str = "champion"
) -> WatchReport:
    """Compare the newest whole window of an endpoint's traffic with the live version's training.

    Emits the event ``bluewater.retrain.asked`` when the policy of the specification says so.
    Sets the alias right if it does not name the version that serves.

    Args:
        platform: Where the endpoint is, and where its traffic is kept.
        endpoint: Name of the endpoint, e.g. flights.
        spec: What to look for, and when to ask for a retrain.
        alias: Name that the registry gives to the version that serves.

    Raises:
        InvalidRequest: the endpoint has no traffic, or its version no reference.
        ProcessingFailed: a job near the traffic failed.
    """
    endpoints = platform.connect(Endpoints)
    traffic = endpoints.traffic(endpoint)
    live = max(traffic.percent, key=traffic.share, default="")
    model = next((each.model for each in endpoints.variants(endpoint) if each.name == live), None)
    if model is None:
        raise InvalidRequest(f"endpoint {endpoint!r} has no traffic; check its name")
    needed = [NAME, *([BASELINE] if spec and spec.monitor else [])]
    if lacking := [name for name in needed if name not in model.evidence]:
        raise InvalidRequest(
            f"version {model.version} of {model.name!r} was registered without {lacking[0]}; "
            "release it again"
        )
    store, models = platform.connect(ObjectStore), platform.connect(ModelRegistry)
    settle_alias_of(
        models, endpoints, store, model.name, alias, endpoint=endpoint, by=f"watch {endpoint}"
    )
    wanted = spec or WatchSpec()
    asked = wanted.monitor is not None or platform.watching is not None
    monitors = platform.connect(MonitoringSchedules) if asked else None
    return watch_endpoint(
        platform.connect(Monitor),
        store,
        wanted,
        captured=store_of_endpoints(platform),
        endpoint=endpoint,
        reference_uri=model.evidence[NAME],
        variant=live,
        monitors=monitors,
        baseline_uri=model.evidence.get(BASELINE, ""),
        jobs=platform.connect(ProcessingJobs) if platform.processing else None,
        prices=platform.connect(Prices),
    )
