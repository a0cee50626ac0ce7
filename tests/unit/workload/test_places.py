from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from blocks.workload import Checkpoints, Job, digest, read_outcome
from blocks.workload.places import MissingFilesystem, Place, at, local_path


@pytest.fixture(params=["folder", "file uri", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    named = {
        "folder": str(tmp_path / "a b#c"),
        "file uri": (tmp_path / "a b#c").as_uri(),
        "memory": f"memory://{uuid.uuid4().hex}/x",
    }
    return at(named[request.param])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine" / "deep").mkdir(parents=True)
    (tmp_path / "mine" / "one").write_text("1")
    (tmp_path / "mine" / "deep" / "two").write_bytes(b"\x00\xff")
    return tmp_path / "mine"


def test_a_folder_comes_back_as_it_went(place: Place, folder: Path, tmp_path: Path) -> None:
    assert list(place.names()) == []
    place.put(folder, "name")
    assert list(place.names()) == ["name"]
    place.get("name", tmp_path / "back")
    assert digest(tmp_path / "back") == digest(folder)


def test_put_replaces_what_was_there(place: Place, folder: Path, tmp_path: Path) -> None:
    place.put(folder, "name")
    (folder / "one").unlink()
    place.put(folder, "name")
    place.get("name", tmp_path / "back")
    assert not (tmp_path / "back" / "one").exists()


def test_a_whole_place_can_be_fetched(place: Place, folder: Path, tmp_path: Path) -> None:
    place.put(folder, "name")
    place.get("", tmp_path / "back")
    assert digest(tmp_path / "back" / "name") == digest(folder)


def test_small_files_are_written_and_read(place: Place) -> None:
    assert place.read("outcome.json") is None
    place.write("outcome.json", b"{}")
    assert place.read("outcome.json") == b"{}"


def test_removing_may_be_repeated(place: Place, folder: Path) -> None:
    place.put(folder, "name")
    place.remove("name")
    place.remove("name")
    assert list(place.names()) == []


def test_an_unknown_scheme_is_refused_with_the_remedy() -> None:
    with pytest.raises(MissingFilesystem, match=r"nosuch://.*mount the place"):
        at("nosuch://bucket/x")


@pytest.mark.parametrize(
    ("named", "path"),
    [
        ("/a/b", "/a/b"),
        ("a b", "a b"),
        ("file:///a%20b/%23", "/a b/#"),
        ("file:///a#b?c", "/a#b?c"),
        ("file://localhost/a", "/a"),
    ],
)
def test_paths_and_file_uris_are_local(named: str, path: str) -> None:
    assert local_path(named) == Path(path)


def test_other_schemes_are_not_local() -> None:
    assert local_path("s3://bucket/a") is None


def test_a_job_works_wholly_through_a_bucket(tmp_path: Path) -> None:
    """Data fetched, checkpoints copied out and found by the next machine, model and outcome."""
    bucket = f"memory://{uuid.uuid4().hex}"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows").write_text("1,2")
    at(bucket).put(tmp_path / "data", "data")
    environ = {
        "BLUEWATER_DATA": f"{bucket}/data",
        "BLUEWATER_CHECKPOINTS": f"{bucket}/checkpoints",
        "BLUEWATER_OUTPUT": f"{bucket}/output",
    }
    with Job.from_environment(environ) as job:
        assert (job.data / "rows").read_text() == "1,2"
        with job.checkpoints.saving(3) as folder:
            (folder / "state").write_text("3")
    with Job.from_environment(environ) as job:
        found = job.checkpoints.latest()
        assert found is not None
        assert (found.step, (found.folder / "state").read_text()) == (3, "3")
        job.succeed(model=found.folder, metrics={"auc": 1})
    outcome = read_outcome(f"{bucket}/output")
    assert outcome is not None
    assert outcome.model_uri == f"{bucket}/output/model"
    at(f"{bucket}/output").get("model", tmp_path / "model")
    assert digest(tmp_path / "model") == outcome.digest


def test_a_local_checkpoint_newer_than_the_copy_wins(tmp_path: Path, folder: Path) -> None:
    copied = Checkpoints(tmp_path / "here", copy=at(str(tmp_path / "there")))
    with copied.saving(1) as draft:
        (draft / "state").write_text("1")
    with Checkpoints(tmp_path / "here").saving(2) as draft:
        (draft / "state").write_text("2")
    found = copied.latest()
    assert found is not None
    assert found.step == 2
