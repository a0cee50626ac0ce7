"""What becomes of MLflow's own alias, whoever touches it, and of a data base many begin."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.tracking import MlflowClient

from blocks.contracts import Conflict, ModelVersion, RunKey
from blocks.providers.local.bench import LocalBench
from blocks.providers.local.models import LocalModels
from blocks.registries.mlflow_database import prepared
from blocks.testing.bench import Bench

ALIAS = "champion"
ROOT = Path(__file__).parents[3]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with LocalBench(tmp_path) as bench:
        yield bench


@pytest.fixture
def models(bench: Bench) -> LocalModels:
    bench.created("models")  # brings a data base
    return bench.connect(LocalModels)


@pytest.fixture
def mlflow(models: LocalModels) -> MlflowClient:
    """MLflow as anybody may use it, past us."""
    uri = f"sqlite:///{models.machine.folder('mlflow')}/mlflow.db"
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@pytest.fixture
def versions(bench: Bench, models: LocalModels) -> list[ModelVersion]:
    draft = bench.model_draft()
    keys = [RunKey(run=f"run-{number}", step="register") for number in range(3)]
    return [models.register(draft, key=key) for key in keys]


def alias_of(mlflow: MlflowClient) -> str:
    return str(mlflow.get_registered_model("bench").aliases.get(ALIAS, ""))


def test_the_alias_in_mlflow_is_the_one_that_was_promoted(
    models: LocalModels, mlflow: MlflowClient, versions: list[ModelVersion]
) -> None:
    models.promote(versions[0], ALIAS, replacing=None)
    models.promote(versions[1], ALIAS, replacing=versions[0])
    assert alias_of(mlflow) == "2"
    assert {each.current_stage for each in mlflow.search_model_versions()} == {"None"}


def test_a_death_between_the_log_and_the_alias_is_mended_by_the_next_look(
    models: LocalModels, mlflow: MlflowClient, versions: list[ModelVersion]
) -> None:
    models.promote(versions[0], ALIAS, replacing=None)
    wish = {"token": uuid.uuid4().hex, "alias": ALIAS, "to": "2", "replacing": "1", "by": "dead"}
    tags = {f"bluewater.{key}": value for key, value in wish.items()}
    tags["bluewater.at"] = datetime.now(UTC).isoformat()
    mlflow.create_model_version("bench.promotions", source="promotion:/champion", tags=tags)
    assert alias_of(mlflow) == "1"
    assert models.resolve("bench", ALIAS) == versions[1]
    assert alias_of(mlflow) == "2"
    assert models.history("bench", ALIAS)[-1].by == "dead"
    with pytest.raises(Conflict, match="dead"):
        models.promote(versions[2], ALIAS, replacing=versions[0])


def test_of_two_that_make_an_alias_at_once_mlflow_fails_one_and_nobody_notices(
    models: LocalModels,
    mlflow: MlflowClient,
    versions: list[ModelVersion],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both find no alias and insert it; the second is told that the row is there."""
    honest, races = MlflowClient.set_registered_model_alias, iter([True])

    def raced(client: MlflowClient, name: str, alias: str, version: str) -> None:
        honest(client, name, alias, version)
        if next(races, False):
            raise MlflowException("UNIQUE constraint failed", error_code=BAD_REQUEST)

    monkeypatch.setattr(MlflowClient, "set_registered_model_alias", raced)
    models.promote(versions[0], ALIAS, replacing=None, by="first")
    assert models.resolve("bench", ALIAS) == versions[0]
    assert alias_of(mlflow) == "1"


def test_an_alias_moved_by_hand_is_set_right(
    models: LocalModels, mlflow: MlflowClient, versions: list[ModelVersion]
) -> None:
    models.promote(versions[0], ALIAS, replacing=None)
    mlflow.set_registered_model_alias("bench", ALIAS, "3")
    assert models.resolve("bench", ALIAS) == versions[0]
    assert alias_of(mlflow) == "1"
    mlflow.delete_registered_model_alias("bench", ALIAS)
    assert models.resolve("bench", ALIAS) == versions[0]
    assert alias_of(mlflow) == "1"


def test_an_alias_that_was_there_before_us_is_taken_over(
    models: LocalModels, mlflow: MlflowClient, versions: list[ModelVersion]
) -> None:
    mlflow.set_registered_model_alias("bench", ALIAS, "2")
    with pytest.raises(Conflict):
        models.promote(versions[2], ALIAS, replacing=None)
    assert models.resolve("bench", ALIAS) == versions[1]
    models.promote(versions[2], ALIAS, replacing=versions[1])
    history = models.history("bench", ALIAS)
    assert [(move.version, move.replaced) for move in history] == [("2", None), ("3", "2")]


def test_a_version_deleted_by_hand_is_nowhere_and_can_be_replaced(
    models: LocalModels, mlflow: MlflowClient, versions: list[ModelVersion]
) -> None:
    models.promote(versions[0], ALIAS, replacing=None)
    mlflow.delete_model_version("bench", "1")
    assert models.resolve("bench", ALIAS) is None
    models.promote(versions[1], ALIAS, replacing=None)
    assert models.resolve("bench", ALIAS) == versions[1]
    assert [move.replaced for move in models.history("bench", ALIAS)] == [None, "1"]


def test_the_run_of_a_version_shows_metrics_and_lineage(
    mlflow: MlflowClient, versions: list[ModelVersion]
) -> None:
    run = mlflow.get_run(str(mlflow.get_model_version("bench", "1").run_id))
    assert run.info.status == "FINISHED"
    assert run.data.metrics == dict(versions[0].metrics)
    assert run.data.tags["lineage.code"] == versions[0].lineage["code"]
    kept = {each.path for each in mlflow.list_artifacts(run.info.run_id)}
    assert kept == {"model", "suite.json", "plots"}


def test_a_data_base_held_by_others_for_a_moment_is_waited_for(
    models: LocalModels, versions: list[ModelVersion]
) -> None:
    file = models.machine.folder("mlflow") / "mlflow.db"
    holder = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
    holder.execute("begin immediate")
    release = threading.Timer(0.5, lambda: holder.execute("rollback"))
    release.start()
    models.promote(versions[0], ALIAS, replacing=None)
    release.join()
    holder.close()
    assert models.resolve("bench", ALIAS) == versions[0]


def test_many_that_begin_at_once_share_one_whole_data_base(tmp_path: Path) -> None:
    """Left to itself, MLflow lets them make the tables together, and all of them fail."""
    file = tmp_path / "mlflow.db"
    (tmp_path / ".mlflow.db.draft").write_bytes(b"half a data base of a process that died")
    code = f"""
from pathlib import Path
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.tracking import MlflowClient
from blocks.registries.mlflow_database import prepared
uri = prepared(Path({str(file)!r}))
MlflowClient(tracking_uri=uri, registry_uri=uri).search_registered_models()
"""
    racing = [
        subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    told = [each.communicate()[1].decode() for each in racing]
    assert [each.returncode for each in racing] == [0, 0, 0], told
    assert told == ["", "", ""]
    assert sorted(each.name for each in tmp_path.glob("*")) == [".mlflow.db.lock", "mlflow.db"]


def test_threads_of_one_process_may_register_together(bench: Bench, models: LocalModels) -> None:
    drafts = [bench.model_draft() for _ in range(4)]
    key = RunKey(run="run-1", step="register")
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda draft: models.register(draft, key=key), drafts))
    assert sorted(each.version for each in found) == ["1", "2", "3", "4"]


def test_nothing_is_reported_to_anybody() -> None:
    code = (
        "import blocks.registries.mlflow_registry\n"
        "from mlflow.telemetry import get_telemetry_client\n"
        "print(get_telemetry_client())"
    )
    quiet = {"MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "CI", "PYTEST_CURRENT_TEST"}
    environment = {name: text for name, text in os.environ.items() if name not in quiet}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "None\n"


def test_a_prepared_data_base_is_left_as_it_is(models: LocalModels) -> None:
    file = models.machine.folder("mlflow") / "mlflow.db"
    before = file.stat()
    assert prepared(file) == f"sqlite:///{file}"
    assert file.stat() == before
