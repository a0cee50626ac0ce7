"""One look of a monitor: a job that reads what was collected, and logs what it found."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import yaml

from blocks.providers.azure.emulator.job import Job, Over, seconds
from blocks.providers.azure.emulator.job_node import place_of
from blocks.providers.azure.emulator.monitor_metrics import DRIFT, QUALITY, Metric, kind_of, named
from blocks.providers.azure.emulator.operations import Said
from blocks.providers.azure.emulator.tracking import Tracking
from blocks.providers.azure.emulator.world import World

log = logging.getLogger(__name__)

_METRICS: Mapping[str, Mapping[str, Mapping[str, Metric]]] = {
    "DataDrift": DRIFT,
    "DataQuality": QUALITY,
}
_HOUR = 3600.0  # what folders of collected data are about

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A look that is due."""

    schedule: str
    due: float
    definition: Said


class MonitorRun:
    """Runs one look in a thread."""

    def __init__(self, world: World, tracking: Tracking, watch: Watch) -> None:
        self._world, self._tracking, self._watch = world, tracking, watch
        stamp = datetime.fromtimestamp(watch.due, UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{watch.schedule}-{stamp}"
        properties = {
            "jobType": "Pipeline",
            "displayName": name,
            "experimentName": watch.schedule,
            "componentId": "azureml://registries/azureml/components/model_monitor/versions/1",
        }
        self.job = Job(
            name=name, asked={"properties": properties}, created=watch.due, schedule=watch.schedule
        )

    def begin(self) -> None:
        """Begin to look."""
        with self._world.lock:
            self._world.begun[self.job.name] = self.job
            self.job.move("Running", self._world.clock.now())
        threading.Thread(target=self._run, name=self.job.name, daemon=True).start()

    def _run(self) -> None:
        try:
            self._look()
        except Over as over:
            self._end(over.status, over.code, over.message)
        except Exception as error:
            log.exception("%s", self.job.name)
            self._end("Failed", "InternalServerError", str(error))
        else:
            self._end("Completed")

    def _look(self) -> None:
        found = list(self._found())
        with self._world.lock:
            for tags, values in found:
                self._tracking.log(self._watch.schedule, tags, int(self._watch.due), values)
        self._alert({tags["azureml.signal_name"] for tags, told in found if _is_over(told)})

    def _end(self, status: str, code: str = "", message: str = "") -> None:
        with self._world.lock:
            self.job.code, self.job.message = code, message
            self.job.move(status, self._world.clock.now())

    def _found(self) -> Iterator[tuple[dict[str, str], dict[str, float]]]:
        for name, signal in self._watch.definition["signals"].items():
            baseline = _table(self._world, signal["referenceData"]["uri"])
            rows = self._collected(signal["productionData"])
            if not rows:
                empty = "The window for this current run contains no data."
                raise Over("Failed", "UserError", empty)
            for column in sorted({*baseline[0]} & {each for row in rows for each in row}):
                first = [row.get(column) for row in baseline]
                second = [row.get(column) for row in rows]
                for metric, told in _measured(signal, first, second):
                    tags = {
                        "azureml.monitor_name": self._watch.schedule,
                        "azureml.signal_name": name,
                        "azureml.metric_name": metric,
                        "azureml.group_0": column,
                    }
                    yield tags, told

    def _collected(self, asked: Said) -> Rows:
        """Return the rows of a window that ends when the look was due."""
        container, path = place_of(asked["uri"])
        end = self._watch.due - seconds(asked["windowOffset"])
        start = end - seconds(asked["windowSize"])
        rows: list[Mapping[str, Any]] = []
        for name, blob in self._world.blobs.below(container, f"{path}/"):
            hour = _hour(name.removeprefix(f"{path}/"))
            if hour is None or not start - _HOUR < hour < end:
                continue
            for line in blob.content.splitlines():
                event = json.loads(line)
                if start <= datetime.fromisoformat(event["time"]).timestamp() < end:
                    rows.extend(event["data"])
        return rows

    def _alert(self, signals: set[str]) -> None:
        """Tell whoever is to be told of signals that are over their thresholds."""
        definition = self._watch.definition
        told = definition.get("alertNotificationSetting") or {}
        settings = told.get("emailNotificationSetting") or {}
        for name in sorted(signals):
            if definition["signals"][name].get("mode") == "Enabled":
                for address in settings.get("emails") or ():
                    with self._world.lock:
                        self._world.mails.append(
                            {"to": address, "about": f"{self.job.name} {name}"}
                        )


def _measured(
    signal: Said, baseline: Sequence[Any], production: Sequence[Any]
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield each metric of a column that has one of its kind, and its threshold."""
    kind = kind_of(baseline)
    known = _METRICS[signal["signalType"]][kind]
    numbers = [each for each in production if kind_of([each]) == kind]
    for each in signal["metricThresholds"]:
        if each["dataType"] != kind:
            continue
        drifts = signal["signalType"] == "DataDrift"
        if drifts and not numbers:
            continue  # nothing of that kind came
        name = named(each["metric"])
        value = known[name](baseline, numbers if drifts else production)
        yield name, {"value": value, "threshold": float(each["threshold"]["value"])}


def _is_over(told: Mapping[str, float]) -> bool:
    return told["value"] > told["threshold"]


def _table(world: World, uri: str) -> Rows:
    """Return the rows of an MLTable of Parquet files."""
    container, path = place_of(uri)
    described = world.blobs.find(container, f"{path}/MLTable")
    if described is None:
        raise Over("Failed", "UserError", f"{uri} is no MLTable")
    told = yaml.safe_load(described.content)
    if "read_parquet" not in {name for each in told["transformations"] for name in each}:
        raise Over("Failed", "UserError", "emulated are tables of Parquet files")
    rows: list[Mapping[str, Any]] = []
    for each in told["paths"]:
        blob = world.blobs.find(*place_of(each["file"]))
        if blob is None:
            raise Over("Failed", "UserError", f"{each['file']} is not there")
        # Threads of a pool do not outlive the fork that this process came from.
        file = pq.ParquetFile(io.BytesIO(blob.content), pre_buffer=False)
        rows.extend(file.read(use_threads=False).to_pylist())
    if not rows:
        raise Over("Failed", "UserError", f"{uri} has no rows")
    return rows


def _hour(name: str) -> float | None:
    """Return the hour that a file is about, from the folders that it is in."""
    try:
        found = datetime.strptime("/".join(name.split("/")[:4]), "%Y/%m/%d/%H")
    except ValueError:
        return None
    return found.replace(tzinfo=UTC).timestamp()
