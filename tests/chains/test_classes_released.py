"""A model of several classes on real data: released, beaten, returned where it mixes them up."""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow.parquet as pq
import pytest

from blocks.contracts import ModelDraft, RunKey, Window
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.models import LocalModels
from blocks.providers.local.monitor import LocalMonitor
from blocks.testing.waiting import until
from blocks.workload import digest
from examples.arrivals import prepare
from flows.exits import Exit
from tests.chains.command import run, run_json

EXAMPLE = Path(prepare.__file__).parent
CLASSES = ("early", "late", "on time", "very late")
QUICK = {
    "rollout.shadow": "null",
    "rollout.steps": "[50, 100]",
    "rollout.step_duration": "PT10S",
    "rollout.step_requests": "100",
    "rollout.patience": "PT20S",
    "rollout.on_little_traffic": "go_on",
    "rollout.look_every": "PT1S",
    "rollout.bake": "PT1S",
    "rollout.rules.warm_up": "PT2S",
    "evaluation.latency": "{requests: 20}",
}
WATCH = {
    "watch.window": "PT1M",
    "watch.settle": "PT5S",
    "watch.least_rows": "100",
    "watch.persistence": "1",
    "watch.of": "1",
}
# the truth of the next class for each: whoever learns from it is sure, and wrong
MIXED_UP = "truth = frame[LABEL].map(dict(zip(CLASSES, [*CLASSES[1:], CLASSES[0]])))"


class Passengers:
    """Who ask for flights of the hold-out, one at a time; what came true is known of each."""

    def __init__(self, url: str, rows: pd.DataFrame, inputs: Sequence[str]) -> None:
        self._url, self._stop = url, threading.Event()
        self._truth = rows["arrival"].tolist()
        taken = rows[list(inputs)].astype(object)
        self._rows = taken.where(taken.notna(), None).to_dict("records")
        self.true: dict[str, str] = {}  # by request
        self.answered: set[int] = set()  # statuses
        self._threads = [threading.Thread(target=self._ask, args=(each,)) for each in range(3)]

    def __enter__(self) -> Passengers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, turn: int) -> None:
        with httpx.Client(timeout=60) as client:
            while not self._stop.wait(0.02):
                turn = (turn + 3) % len(self._rows)
                request, body = uuid.uuid4().hex, {"dataframe_records": [self._rows[turn]]}
                self.true[request] = self._truth[turn]
                told = client.post(
                    f"{self._url}/invocations", json=body, headers={"x-request-id": request}
                )
                self.answered.add(told.status_code)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "arrivals"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("data"))
    prepare.prepare_arrivals(folder / "data")
    for name in ("train", "holdout"):
        file = folder / "data" / f"{name}.parquet"
        pd.read_parquet(file).iloc[::5].to_parquet(file, index=False)
    return folder


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_ways_to_arrive_are_released_and_a_version_that_mixes_them_up_is_returned(
    project: Path, workspace: Path, prefect_api: str
) -> None:
    asked = (str(project / "release.yaml"), *changed(QUICK))
    world: dict[str, Any] = {"workspace": workspace, "api": prefect_api, "within": 1200}

    first = run_json("release", *asked, *rounds(24), **world)  # like the second, and not it
    assert first["rollout"]["outcome"] == "live"
    url = first["rollout"]["url"]
    rows = pd.read_parquet(project / "data/holdout.parquet").sample(frac=1, random_state=1)
    with Passengers(url, rows, inputs_of(project)) as passengers:
        second = run_json("release", *asked, *rounds(30), **world)
        assert second["rollout"]["outcome"] == "live", second["rollout"]["why"]
        is_compared_class_by_class(second["evaluation"])

        mix_up(project)
        _, said = run(
            *("release", *asked, *rounds(30), "--run", "mixed-up"),
            code=Exit.CHALLENGER,
            **world,
        )
        assert all(f"class {name} fail" in said for name in CLASSES)

        version = registered(workspace, "mixed-up")
        returned = run_json(
            *("rollout", *asked, "--version", version),
            code=Exit.RETURNED,
            **world,
        )
        assert "predictions" in returned["why"]
        has_kept_every_chance(workspace, since=first["rollout"]["journal"][0]["at"])
        report = watched(project, passengers, world)
    assert passengers.answered == {200}
    is_measured_by_its_labels(report)


def inputs_of(project: Path) -> list[str]:
    request = json.loads((project / "request.json").read_text())
    return list(request["dataframe_records"][0])


def rounds(count: int) -> tuple[str, str]:
    return "--set", f"training.parameters={{rounds: '{count}'}}"


def changed(to: Mapping[str, str]) -> Iterator[str]:
    for each in to.items():
        yield from ("--set", "=".join(each))


def is_compared_class_by_class(found: Mapping[str, Any]) -> None:
    assert (found["metric"], found["class_metric"]) == ("log_loss", "roc_auc")
    assert {gate["answer"] for gate in found["overall"]} == {"pass"}
    assert tuple(gate["name"] for gate in found["classes"]) == CLASSES
    assert "fail" not in {gate["answer"] for gate in found["classes"]}
    assert set(found["recalls"]) == set(CLASSES)


def mix_up(project: Path) -> None:
    """Let the training learn from a truth in which each class is taken for the next one."""
    script = project / "code" / "train.py"
    text = script.read_text().replace("def main()", f"CLASSES = {CLASSES}\n\n\ndef main()")
    before = "        codes = OrdinalEncoder"
    assert text.count(before) == 1
    script.write_text(text.replace(before, f"        {MIXED_UP}\n{before}"))


def registered(workspace: Path, run: str) -> str:
    """Register the model that a run has trained, past its evaluation; return its version."""
    [found] = (workspace / "store").glob(f"**/*{run}*/**/MLmodel")
    folder = found.parent
    draft = ModelDraft(name="flights-arrival", uri=folder.as_uri(), digest=digest(folder))
    models = LocalModels(machine=LocalMachine(workspace=workspace))
    return models.register(draft, key=RunKey(run="by-hand", step="register")).version


def has_kept_every_chance(workspace: Path, *, since: str) -> None:
    """The likeliest class is its place among them, and all chances are beside it."""
    monitor = LocalMonitor(machine=LocalMachine(workspace=workspace))
    window = Window(start=datetime.fromisoformat(since), end=datetime.now(UTC))
    files = monitor.captures("arrivals", window)
    rows = pq.read_table(files[-1].uri.removeprefix("file://")).to_pylist()
    assert rows
    for row in rows:
        chances = json.loads(row["answer"])
        assert len(chances) == len(CLASSES)
        assert sum(chances) == pytest.approx(1)
        assert row["prediction"] == str(chances.index(max(chances)))


def watched(project: Path, passengers: Passengers, world: Mapping[str, Any]) -> Any:
    """Look at a whole minute of the version that has it all again, whose labels are there."""
    specification, labels = str(project / "release.yaml"), project / "labels.parquet"
    begun = datetime.now(UTC)
    told = {"watch.labels": f"{{uri: {labels.as_uri()}, label: arrival, maturity: PT0S}}"}
    for minutes in (2, 4, 6):  # a machine that is slow to start looks at the next minute
        since = begun.replace(second=8) + timedelta(minutes=minutes)
        until(partial(is_past, since), within=180, every=1)
        truth = dict(passengers.true)
        pd.DataFrame(truth.items(), columns=["request_id", "arrival"]).to_parquet(labels)
        report = run_json("watch", specification, *changed(WATCH | told), **world)
        if report["matured"] and report["matured"]["complete"]:
            return report
    raise AssertionError(f"the labels are not there: {report['matured']}")


def is_past(moment: datetime) -> bool:
    return datetime.now(UTC) > moment


def is_measured_by_its_labels(report: Mapping[str, Any]) -> None:
    assert report["judged"]
    assert [each for each in report["findings"] if each["alarm"]] == []
    assert {"prediction", "carrier"} <= {each["column"] for each in report["columns"]}
    measured, evidence = report["matured"]["measured"], report["matured"]["evidence"]
    assert measured["error"] == pytest.approx(report["expected"]["error"], abs=0.1)
    assert report["expected"]["order"] == list(CLASSES)
    assert evidence["rows"] >= report["matured"]["labelled"] > 0  # of all windows so far
