"""Everything that a platform can be asked for, once: what a role has to allow, and nothing else."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from blocks.contracts import (
    BatchInference,
    Capture,
    Endpoints,
    Inventory,
    ModelRegistry,
    Monitor,
    ObjectStore,
    Phase,
    ProcessingJobs,
    RunKey,
    Sample,
    Traffic,
    TrainingJobs,
    Unavailable,
    Window,
)
from blocks.registry import provider
from blocks.testing.processing import GOES_ON, TELLS

RUN = RunKey(run="run-1", step="everything")
ROW = {"dataframe_records": [{"x": 0.7, "n": 1}]}


def train(bench: Any) -> None:
    jobs = bench.connect(TrainingJobs)
    bench.keep_secret("api-key", "sesame")
    request = bench.training_request().model_copy(update={"secrets": {"API_KEY": "api-key"}})
    bench.succeed(ref := jobs.submit(request, key=RUN))
    assert list(jobs.logs(ref))
    bench.begin(second := jobs.submit(request, key=RUN.next()))
    jobs.cancel(second)
    bench.settle(second)


def register(bench: Any, call: str) -> None:
    models = bench.connect(ModelRegistry)
    bench.emulator.fault("lost-reply", call=call)
    draft = bench.model_draft()
    with contextlib.suppress(Unavailable):  # asked again, it looks for what it may have made
        models.register(draft, key=RUN)
    version = models.register(draft, key=RUN)
    models.promote(version, "champion", replacing=None)
    assert models.resolve(version.name, "champion") is not None
    assert models.history(version.name, "champion")


def serve(bench: Any) -> None:
    endpoints, monitor = bench.connect(Endpoints), bench.connect(Monitor)
    name = ""
    for variant in ("blue", "green"):
        request = bench.variant_request(variant=variant)
        request = request.model_copy(update={"capture": Capture(sample=1.0)})
        bench.settle(endpoints.deploy(request, key=RUN))
        name = request.endpoint
    assert endpoints.variants(name)
    for percent in ({"blue": 90, "green": 10}, {"blue": 0, "green": 100}):
        endpoints.shift(name, Traffic(percent=percent), since=endpoints.traffic(name))
        assert endpoints.predict(name, ROW).status == 200
    endpoints.retire(name, "blue")
    now = datetime.now(UTC)
    window = Window(start=now - timedelta(minutes=5), end=now + timedelta(minutes=1))
    monitor.ticks(name, window)
    monitor.captures(name, window)
    labels = {"endpoint": name}
    monitor.record("drift", [Sample(at=now, value=0.5)], labels=labels)
    assert monitor.read("drift", window, labels=labels)


def score(bench: Any) -> None:
    batch = bench.connect(BatchInference)
    bench.settle(batch.submit(bench.batch_request(20), key=RUN))
    batch.cancel(batch.submit(bench.batch_request(200, kind="held"), key=RUN.next()))


def process(bench: Any) -> None:
    jobs = bench.connect(ProcessingJobs)
    bench.keep_secret("api-key", "sesame")
    request = bench.processing_request(TELLS).model_copy(update={"secrets": {"API_KEY": "api-key"}})
    bench.settle(ref := jobs.submit(request, key=RUN))
    assert list(jobs.logs(ref))
    assert jobs.status(ref).phase is Phase.SUCCEEDED
    jobs.cancel(jobs.submit(bench.processing_request(GOES_ON), key=RUN))


def keep(bench: Any, folder: Path) -> None:
    store = bench.connect(ObjectStore)
    (folder / "large").write_bytes(bytes(12 << 20))  # goes in parts
    store.upload(folder / "large", f"{store.root}/large")
    store.write(f"{store.root}/once", b"1", only_if_absent=True)
    assert store.read(f"{store.root}/once") == b"1"
    with store.open(f"{store.root}/large") as reader:
        assert reader.read(1) == b"\0"
    for found in store.walk(store.root):
        store.remove(found.uri)


def take_down(bench: Any) -> None:
    inventory = bench.connect(Inventory)
    for resource in list(inventory.owned()):
        inventory.remove(resource)
    assert not any(each.running for each in inventory.owned())


def everything(bench: Any, folder: Path, *, registers: str) -> None:
    """Do all of it; ``registers`` is the call whose reply is lost once."""
    train(bench)
    register(bench, registers)
    serve(bench)
    score(bench)
    if ProcessingJobs.capability in provider(bench.connect(ObjectStore).provider).capabilities:
        process(bench)
    take_down(bench)
    keep(bench, folder)
