"""What every provider's registry keeps of a model that is registered."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import mlflow.pyfunc
import pandas as pd
import pytest

from blocks.contracts import (
    InvalidRequest,
    ModelDraft,
    ModelRegistry,
    ModelVersion,
    ObjectStore,
    RunKey,
)
from blocks.testing.bench import Bench
from blocks.testing.crowd import crowd
from blocks.workload import digest

CONTRACT = ModelRegistry
KEY = RunKey(run="run-1", step="register")


@pytest.fixture
def models(bench: Bench) -> ModelRegistry:
    return bench.connect(ModelRegistry)


def kept_folder(bench: Bench, version: ModelVersion, into: Path) -> Path:
    """Copy what the registry keeps to a folder of ours, through the provider's store."""
    store = bench.connect(ObjectStore)
    for found in store.walk(version.uri):
        file = into / unquote(found.uri.removeprefix(version.uri)).lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(store.read(found.uri))
    return into


def alter(bench: Bench, draft: ModelDraft) -> None:
    """Change one byte of a draft's folder."""
    store, uri = bench.connect(ObjectStore), f"{draft.uri}/MLmodel"
    store.write(uri, store.read(uri) + b" ")


def test_what_is_registered_is_kept_whole(
    bench: Bench, models: ModelRegistry, tmp_path: Path
) -> None:
    draft = bench.model_draft()
    version = models.register(draft, key=KEY)
    assert (version.name, version.version) == (draft.name, "1")
    assert version.digest == draft.digest
    assert dict(version.metrics) == dict(draft.metrics)
    assert dict(version.lineage) == dict(draft.lineage)
    assert version.uri != draft.uri
    assert digest(kept_folder(bench, version, tmp_path / "kept")) == draft.digest


def test_the_kept_folder_is_a_model_that_predicts(
    bench: Bench, models: ModelRegistry, tmp_path: Path
) -> None:
    version = models.register(bench.model_draft(), key=KEY)
    model = mlflow.pyfunc.load_model(str(kept_folder(bench, version, tmp_path / "kept")))
    scores = model.predict(pd.DataFrame({"x": [0.2, 0.7], "n": [1, 2]}))
    assert list(scores) == [0.0, 1.0]


def test_evidence_is_kept_with_the_version(bench: Bench, models: ModelRegistry) -> None:
    store, draft = bench.connect(ObjectStore), bench.model_draft()
    version = models.register(draft, key=KEY)
    assert draft.evidence
    assert set(version.evidence) == set(draft.evidence)
    for name, uri in draft.evidence.items():
        content = store.read(uri)
        store.remove(uri)
        assert store.read(version.evidence[name]) == content


def test_evidence_is_kept_under_its_name_whatever_the_file_was_called(
    bench: Bench, models: ModelRegistry
) -> None:
    store, draft = bench.connect(ObjectStore), bench.model_draft()
    uri = next(iter(draft.evidence.values()))
    named = draft.model_copy(update={"evidence": {"a/first.txt": uri, "b/second.txt": uri}})
    version = models.register(named, key=KEY)
    for name in named.evidence:
        assert version.evidence[name].endswith(name)
        assert store.read(version.evidence[name]) == store.read(uri)


def test_evidence_cannot_land_outside_or_on_the_model(bench: Bench, models: ModelRegistry) -> None:
    draft = bench.model_draft()
    uri = next(iter(draft.evidence.values()))
    for name in ("../outside.txt", "/etc/outside.txt", "model/MLmodel"):
        with pytest.raises(InvalidRequest, match="evidence"):
            models.register(draft.model_copy(update={"evidence": {name: uri}}), key=KEY)
        assert bench.created("models") == 0, name


def test_missing_evidence_is_told_and_nothing_recorded(bench: Bench, models: ModelRegistry) -> None:
    draft = bench.model_draft()
    uri = next(iter(draft.evidence.values())) + ".gone"
    with pytest.raises(InvalidRequest, match=r"report\.html"):
        models.register(draft.model_copy(update={"evidence": {"report.html": uri}}), key=KEY)
    assert bench.created("models") == 0


def test_registering_twice_records_one_version(bench: Bench, models: ModelRegistry) -> None:
    draft = bench.model_draft()
    first = models.register(draft, key=KEY)
    assert bench.connect(ModelRegistry).register(draft, key=KEY) == first
    assert bench.created("models") == 1


def test_a_replay_needs_no_folder_any_more(bench: Bench, models: ModelRegistry) -> None:
    """The output of a finished job may have been cleaned up by then."""
    draft = bench.model_draft()
    first = models.register(draft, key=KEY)
    alter(bench, draft)
    assert models.register(draft, key=KEY) == first


def test_another_key_or_draft_is_another_version(bench: Bench, models: ModelRegistry) -> None:
    draft = bench.model_draft()
    changed = draft.model_copy(update={"metrics": {"roc_auc": 0.1}})
    versions = [
        models.register(draft, key=KEY),
        models.register(draft, key=KEY.next()),
        models.register(changed, key=KEY),
    ]
    assert [each.version for each in versions] == ["1", "2", "3"]
    assert versions[2].metrics["roc_auc"] == 0.1


def test_a_folder_that_changed_after_training_is_refused(
    bench: Bench, models: ModelRegistry
) -> None:
    draft = bench.model_draft()
    alter(bench, draft)
    with pytest.raises(InvalidRequest, match=draft.digest) as caught:
        models.register(draft, key=KEY)
    assert (caught.value.provider, caught.value.operation) == (models.provider, "models.register")
    assert bench.created("models") == 0


def test_a_missing_folder_is_refused(bench: Bench, models: ModelRegistry) -> None:
    draft = bench.model_draft()
    with pytest.raises(InvalidRequest, match="gone"):
        models.register(draft.model_copy(update={"uri": draft.uri + "-gone"}), key=KEY)


def test_many_that_register_at_once_get_one_version(bench: Bench, models: ModelRegistry) -> None:
    draft = bench.model_draft()
    with crowd(models, "register", [((draft,), {"key": KEY})] * 6) as strangers:
        told = [each.told() for each in strangers]
    assert told == [models.register(draft, key=KEY)] * 6
    assert told[0].version == "1"
    assert bench.created("models") == 1
