"""Events start releases: one for a burst, within limits that outlive everything."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from blocks.providers.local import processes
from blocks.providers.local.account import LocalMachine
from blocks.providers.local.endpoints import LocalEndpoints
from blocks.providers.local.models import LocalModels
from blocks.providers.local.services import LocalServices
from blocks.providers.local.store import LocalStore
from blocks.testing.waiting import until
from blocks.workspace import owner_of
from deployments.webhooks import ensure_webhook
from tasks.watch.ledger import WatchLedger
from tasks.watch.look import window_before
from tasks.watch.policy import RetrainRequest
from tasks.watch.spec import WatchSpec
from tests.chains.command import run
from tests.chains.project import make_project
from tests.chains.server import ENDED, Server

TAGS = "/api/2.0/mlflow/model-versions/set-tag"
HOOKS = "/api/2.0/mlflow/webhooks"
WATCH = ("window=PT1M", "settle=PT2S", "least_rows=50", "persistence=1", "of=1", "gather=PT5S")
OF_A_MINUTE = WatchSpec.model_validate(dict(word.split("=") for word in WATCH))


class Machine:
    """A machine on which everything is up."""

    def __init__(self, home: Path, project: Path) -> None:
        self.home, self.specification = home, make_project(project)
        self.services = LocalServices(home)

    def up(self, *words: str) -> None:
        run("up", *words, workspace=self.home, api="", within=900)

    def deploy(self, name: str) -> None:
        """Deploy the project under a name and an endpoint of its own."""
        words = [f"name={name}", f"rollout.endpoint={name}", *(f"watch.{word}" for word in WATCH)]
        changes = [part for word in words for part in ("--set", word)]
        settings = self.services.prefect_settings()
        run(
            *("deploy", str(self.specification), *changes),
            workspace=self.home,
            api=settings["PREFECT_API_URL"],
            within=600,
            PREFECT_API_AUTH_STRING=settings["PREFECT_API_AUTH_STRING"],
        )

    @property
    def server(self) -> Server:
        settings = self.services.prefect_settings()
        return Server(api=settings["PREFECT_API_URL"], login=settings["PREFECT_API_AUTH_STRING"])

    def released(self, name: str, **parameters: Any) -> None:
        ended = self.server.ends(self.server.start(f"release/{name}", **parameters))
        assert ended["state_type"] == "COMPLETED", self.server.logs(ended["id"])

    def arrivals(self, count: int, mark: str) -> None:
        """Tell the receiver of so many new files, each in a request of its own."""
        url = f"{self.services.wait('receiver').url}/plain"
        secret = self.services.receiver_file().read_text()
        train = (self.specification.parent / "train.parquet").as_uri()
        with (
            httpx.Client(headers={"authorization": f"Bearer {secret}"}, timeout=120) as client,
            ThreadPoolExecutor(16) as pool,
        ):
            names = [f"{mark}-{number}" for number in range(count)]
            parts = [{"uri": f"{train}/{name}", "id": name} for name in names]
            list(pool.map(lambda part: until(lambda: heard(client, url, part), within=300), parts))

    def asked(self, name: str) -> list[str]:
        """Return the runs that were begun for requests to retrain, and how each ended."""
        store = LocalStore(machine=LocalMachine(workspace=self.home))
        return [each.request.id for each in WatchLedger(store, name).asked()]

    def requests(self, name: str) -> list[RetrainRequest]:
        """Return the requests to retrain."""
        store = LocalStore(machine=LocalMachine(workspace=self.home))
        return [each.request for each in WatchLedger(store, name).asked()]

    def tag(self, name: str, key: str, value: str) -> None:
        """Tag the first version, over the MLflow server's API as its page does."""
        user, _, password = self.services.login_file().read_text().partition(":")
        content = {"name": name, "version": "1", "key": key, "value": value}
        url = f"{self.services.wait('mlflow').url}{TAGS}"
        httpx.post(url, json=content, auth=(user, password), timeout=60).raise_for_status()

    def champion(self, name: str) -> str:
        found = LocalModels(machine=LocalMachine(workspace=self.home)).resolve(name, "champion")
        assert found is not None
        return found.version

    def all_ended(self, name: str, count: int) -> list[dict[str, Any]]:
        """Wait until at least so many runs of a deployment are there, and all have ended."""

        def ended() -> bool:
            states = [each["state_type"] for each in self.server.runs(name)]
            return len(states) >= count and set(states) <= ENDED

        until(ended, within=1200, every=2)
        return self.server.runs(name)


def heard(client: httpx.Client, url: str, part: dict[str, str]) -> bool:
    """Tell it as every sender does: again until it is heard."""
    try:
        return client.post(url, json=part).is_success
    except httpx.TransportError:
        return False


@contextmanager
def asking(endpoints: LocalEndpoints, name: str) -> Iterator[None]:
    """Keep an endpoint busy with rows that are not like those it was trained on."""
    stop = threading.Event()

    def ask() -> None:
        for x in itertools.cycle(np.linspace(0.97, 1.0, 200)):
            endpoints.predict(name, {"dataframe_records": [{"x": float(x)}]})
            if stop.wait(0.1):
                return

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    machine = Machine(folder / "workspace", folder / "project")
    try:
        machine.up()
        yield machine
    finally:
        for found in processes.owned(owner_of(machine.home)):
            processes.stop(found.identity, grace=2)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_arrivals_start_one_release_and_after_a_crash_of_all_none(
    machine: Machine,
) -> None:
    machine.deploy("burst")
    machine.released("burst")
    assert machine.champion("burst") == "1"

    machine.arrivals(1000, "first")
    until(lambda: machine.asked("burst"), within=900, every=1)
    runs = machine.all_ended("release/burst", 2)
    assert [each["state_type"] for each in runs] == ["COMPLETED"] * 2
    assert runs[1]["parameters"]["request"] == machine.asked("burst")[0]
    assert machine.champion("burst") == "2"

    for service in machine.services.running().values():
        os.kill(service.identity.pid, signal.SIGKILL)
    until(lambda: not machine.services.running(), within=20)
    machine.up()
    before = len(machine.server.runs("retrain/burst"))
    machine.arrivals(100, "second")
    refused = machine.all_ended("retrain/burst", before + 1)
    assert {each["state_type"] for each in refused} <= {"COMPLETED", "CANCELLED"}
    assert len(machine.asked("burst")) == 1
    assert len(machine.server.runs("release/burst")) == 2
    assert "cooldown until" in machine.server.logs(refused[-1]["id"])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_traffic_that_drifts_leads_to_a_new_champion(machine: Machine) -> None:
    machine.deploy("drifting")
    machine.released("drifting")
    endpoints = LocalEndpoints(machine=LocalMachine(workspace=machine.home))
    with asking(endpoints, "drifting"):
        begun = datetime.now(UTC)
        until(lambda: window_before(datetime.now(UTC), OF_A_MINUTE).start > begun, within=150)
        looked = machine.server.ends(machine.server.start("watch/drifting"))
    assert looked["state_type"] == "COMPLETED", machine.server.logs(looked["id"])
    assert machine.asked("drifting"), machine.server.logs(looked["id"])
    runs = machine.all_ended("release/drifting", 2)
    assert [each["state_type"] for each in runs] == ["COMPLETED"] * 2
    assert machine.champion("drifting") == "2"
    assert dict(endpoints.traffic("drifting").percent) == {"v2": 100}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_nobody_starts_a_release_by_an_event_that_he_made_up(machine: Machine) -> None:
    machine.deploy("forged")
    resource = {"prefect.resource.id": "bluewater.endpoint.forged"}
    events = [
        {
            "id": f"00000000-0000-4000-8000-{number:012d}",
            "occurred": datetime.now(UTC).isoformat(),
            "event": "bluewater.retrain.asked",
            "resource": resource,
            "payload": {"id": f"{number:032x}"} if number else {},
        }
        for number in range(2)
    ]
    machine.server.ask("POST", "/events", events)
    (refused,) = machine.all_ended("release/forged", 1)
    assert refused["state_type"] == "FAILED"
    assert "NotAsked" in refused["state"]["message"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_tag_in_a_running_mlflow_starts_one_release(machine: Machine) -> None:
    machine.deploy("tagged")
    machine.released("tagged")
    machine.tag("tagged", "someday", "maybe")  # another tag asks for nothing
    for word in ("labels came in", "they came in, I said"):
        machine.tag("tagged", "retrain", word)
    until(lambda: machine.asked("tagged"), within=300, every=1)
    runs = machine.all_ended("release/tagged", 2)
    assert [each["state_type"] for each in runs] == ["COMPLETED"] * 2
    assert machine.champion("tagged") == "2"
    [asked] = machine.requests("tagged")
    assert "a version was tagged: labels came in" in asked.reasons
    assert len(machine.asked("tagged")) == 1
    assert len(machine.server.runs("release/tagged")) == 2


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_webhook_that_signs_with_another_secret_is_refused(machine: Machine) -> None:
    login, told = machine.services.login_file().read_text(), list[dict[str, Any]]()
    mlflow, receiver = (machine.services.wait(name).url for name in ("mlflow", "receiver"))
    user, _, password = login.partition(":")
    for secret in (machine.services.receiver_file().read_text(), "a secret that I made up"):
        ensure_webhook(mlflow, receiver, login=login, secret=secret)
        with httpx.Client(base_url=mlflow, auth=(user, password), timeout=60) as client:
            [kept] = client.get(HOOKS).raise_for_status().json()["webhooks"]
            answer = client.post(f"{HOOKS}/{kept['webhook_id']}/test", json={})
            told.append(answer.raise_for_status().json()["result"])
    machine.up()  # brings it up to date again
    assert [each["response_status"] for each in told] == [200, 401]
