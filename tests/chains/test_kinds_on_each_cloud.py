"""Several classes and a quantity on emulated clouds: trained, registered, served, kept, and judged.

As the flights are, in this process and in a world that is forked. Here the rollout has to see, too,
that a version answers otherwise, though its gates let it through.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blocks.contracts import Endpoints, ModelRegistry, Monitor, ObjectStore, Window
from blocks.emulation.rehearsing import EmulatedRehearsal
from blocks.platform import Platform
from blocks.testing.waiting import until
from flows.callers import Callers
from flows.rehearsal import platform_of, player
from flows.release import ReleaseReport, release
from flows.surroundings import surroundings
from tasks.specification.loading import load_and_check
from tests.chains.clouds import CLOUDS
from tests.chains.kinds import CLASSES, KINDS, Kind, make_kind

EACH_CLOUD = ("aws", "azure", "databricks", "gcp")
WITHIN = 180.0  # seconds in which captured requests are files


@pytest.fixture(params=EACH_CLOUD)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def platform(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """Return a platform on an emulated account that lives as long as the test."""
    emulated: type[EmulatedRehearsal[Any]] = player(provider)  # type: ignore[assignment]
    monkeypatch.setattr(emulated, "preloaded", True)
    with emulated(tmp_path / "world") as world:
        for name, value in world.environment().items():
            monkeypatch.setenv(name, value)
        yield platform_of(provider)


class Project:
    """The releases of one project on one cloud."""

    def __init__(self, platform: Platform, provider: str, file: Path) -> None:
        self.platform, self._file = platform, file
        self._changes = CLOUDS[provider].machines
        self.endpoints, self.store = platform.connect(Endpoints), platform.connect(ObjectStore)

    def release(self, run: str, **parameters: float) -> ReleaseReport:
        given = ", ".join(f"{name}: '{value}'" for name, value in parameters.items())
        changes = (*self._changes, f"training.parameters={{{given}}}")
        spec = load_and_check(self._file, surroundings(self.platform), changes=changes)
        return release(self.platform, spec, run=run)

    def asked(self) -> Callers:
        """Return callers for rows of the hold-out, 30 a second."""
        spec = load_and_check(self._file, surroundings(self.platform), changes=self._changes)
        return Callers(self.endpoints, self.store, spec, per_second=30)

    def kept(self, since: datetime) -> pa.ChunkedArray | None:
        """Return the predictions that were captured, once there are some of each version."""
        window = Window(start=since, end=datetime.now(UTC))
        found = self.platform.connect(Monitor).captures("kinds", window)
        tables = []
        for each in found:
            with self.store.open(each.uri) as file:
                tables.append(pq.read_table(file, columns=["variant", "prediction"]))
        table = pa.concat_tables(tables) if tables else None
        both = table is not None and set(table["variant"].to_pylist()) >= {"v1", "v2"}
        return table["prediction"] if table is not None and both else None


@pytest.fixture
def project(platform: Platform, provider: str, kind: Kind, tmp_path: Path) -> Project:
    return Project(platform, provider, make_kind(tmp_path / "project", kind))


def answers_are_of(kind: Kind, answer: list[Any], kept: pa.ChunkedArray) -> None:
    """Check an answer, and what was captured of others, to be what such a model says."""
    if kind.problem_type == "multiclass":
        (chances,) = answer
        assert len(chances) == len(CLASSES)
        assert sum(chances) == pytest.approx(1)
        assert set(kept.to_pylist()) == {"0", "1", "2"}  # the likeliest, by its place
    else:
        (value,) = answer
        assert 350 < value < 450
        assert max(kept.to_pylist()) - min(kept.to_pylist()) > 300


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("prefect_server")
def test_a_better_version_takes_over_and_one_that_answers_otherwise_is_returned(
    project: Project, kind: Kind
) -> None:
    began = datetime.now(UTC)
    assert project.release("first", strength=0.5).rollout.live
    with project.asked() as callers:
        second = project.release("second", strength=1)
        assert second.rollout.live, second.rollout.why
        kept = until(lambda: project.kept(began), within=WITHIN)
        third = project.release("third", strength=1, bent=kind.bent)
    assert set(callers.answers) == {200}
    assert (second.evaluation.champion, second.evaluation.problem_type) == ("1", kind.problem_type)
    answer = project.endpoints.predict("kinds", {"dataframe_records": [{"a": 0.5, "b": 0.5}]})
    answers_are_of(kind, answer.body["predictions"], kept)
    assert third.evaluation.passed
    assert not third.rollout.live
    assert "predictions" in third.rollout.why
    assert dict(project.endpoints.traffic("kinds").percent) == {"v2": 100}
    champion = project.platform.connect(ModelRegistry).resolve("kinds", "champion")
    assert champion is not None
    assert champion.version == "2"
