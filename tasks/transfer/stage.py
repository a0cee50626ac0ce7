"""Bring data, code and models to where the platform's machines can read them."""

from __future__ import annotations

from functools import partial

from prefect import task
from prefect.cache_policies import NO_CACHE

from blocks.contracts import Endpoints, ModelVersion, ObjectStore
from tasks import showing
from tasks.memory import remember
from tasks.specification.spec import ReleaseSpec
from tasks.transfer.carry import carried
from tasks.transfer.sources import lies_here
from tasks.transfer.upload import uploaded


@task(name="upload", task_run_name="upload", cache_policy=NO_CACHE)
def upload_sources(store: ObjectStore, spec: ReleaseSpec, *, run: str) -> ReleaseSpec:
    """Return the specification with every place in the platform's store.

    What lies on this machine is copied at the first call of a run; a run that goes on works with
    those copies, whatever became of the files since.
    """
    if not any(lies_here(store, uri) for _, uri in spec.places()):
        return spec
    uri = f"{store.root}/runs/{run}/sources.json"
    there = remember(store, uri, ReleaseSpec, partial(uploaded, spec, store))
    rows = [
        {"field": field, "from": before, "copy": after}
        for (field, before), (_, after) in zip(spec.places(), there.places(), strict=True)
        if before != after
    ]
    showing.table("sources", rows, "Copied from this machine to the platform's store")
    return there


@task(name="carry", task_run_name="carry", cache_policy=NO_CACHE)
def carry_model(
    model: ModelVersion, endpoints: Endpoints, *, store: ObjectStore, there: ObjectStore, run: str
) -> ModelVersion:
    """Return a version that the endpoints can read: one from elsewhere is copied to ``there``."""
    found = carried(model, endpoints, store=store, there=there)
    if found is not model:
        showing.logger().info("run %s: version %s is at %s", run, model.version, found.uri)
    return found
