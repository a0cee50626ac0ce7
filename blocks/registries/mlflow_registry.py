"""Models in MLflow, on any server: aliases and tags, never stages.

MLflow moves an alias for whoever asks last, and forgets where it pointed before. So the moves are
kept as versions of a second registered model, ``<name>.promotions``: MLflow numbers versions in one
order, whoever asks. The alias itself is set to what that log says, and set right again by the next
look if a process died in between.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import OperationalError

from blocks.contracts import Conflict, InvalidRequest, ModelDraft, ModelVersion, Promotion
from blocks.registries.ledger import Replay, Wish, replay
from blocks.workload import digest

T = TypeVar("T")

TOKEN, DIGEST, METRICS, LINEAGE, EVIDENCE = (
    f"bluewater.{name}" for name in ("token", "digest", "metrics", "lineage", "evidence")
)
WISH = ("token", "alias", "to", "replacing", "at", "by")
TRIES = 20  # for a data base that is locked by others; each try waits a little longer


class MlflowRegistry:
    """One MLflow tracking server and registry, or one data base of them."""

    def __init__(self, tracking_uri: str, *, artifact_root: str | None, pages: str = "") -> None:
        self._client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
        self._artifact_root, self._pages = artifact_root, pages

    def register(
        self, draft: ModelDraft, folder: Path, evidence: dict[str, Path], token: str
    ) -> ModelVersion:
        """Keep the folder and the evidence in a run, and record a version that points at them."""
        if (found := digest(folder)) != draft.digest:
            raise InvalidRequest(
                f"the model folder {draft.uri} has digest {found}, the draft says {draft.digest}; "
                "it changed after training, train again",
                code="DIGEST",
            )
        self._ensure(draft.name)
        if (known := self._with_token(draft.name, token)) is not None:
            return self._version(known)
        run = self._run(draft, folder, evidence, token)
        tags = {
            TOKEN: token,
            DIGEST: draft.digest,
            METRICS: json.dumps(dict(draft.metrics)),
            LINEAGE: json.dumps(dict(draft.lineage)),
            EVIDENCE: json.dumps({name: f"{run.info.artifact_uri}/{name}" for name in evidence}),
        }
        source = f"{run.info.artifact_uri}/model"
        made = _patiently(
            lambda: self._client.create_model_version(
                draft.name, source=source, run_id=run.info.run_id, tags=tags
            )
        )
        first = self._with_token(draft.name, token)
        if first is not None and first.version != made.version:
            # another process recorded the same draft at the same moment; the lower number stays
            self._client.delete_model_version(draft.name, made.version)
        return self._version(first or made)

    def find(self, name: str, version: str) -> ModelVersion | None:
        """Return that version, or None."""
        try:
            return self._version(_patiently(lambda: self._client.get_model_version(name, version)))
        except MlflowException as error:
            if _is(error, RESOURCE_DOES_NOT_EXIST):
                return None
            raise

    def resolve(self, name: str, alias: str) -> ModelVersion | None:
        """Return what the log says the alias points to, and set the alias right if it does not."""
        version = self._replay(name).pointing.get(alias)
        if version is None:
            return None
        self._point(name, alias, version)
        return self.find(name, version)

    def promote(self, model: ModelVersion, alias: str, replacing: str, by: str) -> None:
        """Move the alias if it points at ``replacing``. Raises Conflict that says who was first."""
        now = self._replay(model.name).pointing.get(alias, "")
        if now != model.version:
            token = uuid.uuid4().hex
            self._wish(model, alias, replacing, by, token)
            after = self._replay(model.name)
            now = after.pointing.get(alias, "")
            if token not in after.counted and now != model.version:
                winner = next((m.by for m in reversed(after.moves) if m.alias == alias), "")
                raise Conflict(
                    f"{alias!r} of {model.name!r} points at version {now or 'none'} "
                    f"(moved by {winner or 'nobody'}), not at {replacing or 'none'}; "
                    "look again and decide anew",
                    code="ALIAS_MOVED",
                )
        self._point(model.name, alias, now)

    def history(self, name: str, alias: str) -> Sequence[Promotion]:
        """Return the moves that counted, oldest first."""
        return [move for move in self._replay(name).moves if move.alias == alias]

    def _replay(self, name: str) -> Replay:
        return replay(_to_wish(entry) for entry in self._versions(_ledger(name)))

    def _wish(self, model: ModelVersion, alias: str, replacing: str, by: str, token: str) -> None:
        ledger = _ledger(model.name)
        self._ensure(ledger)
        values = (token, alias, model.version, replacing, datetime.now(UTC).isoformat(), by)
        tags = {f"bluewater.{key}": value for key, value in zip(WISH, values, strict=True)}

        def append() -> None:
            if not any(entry.tags.get(TOKEN) == token for entry in self._versions(ledger)):
                self._client.create_model_version(ledger, source=f"promotion:{alias}", tags=tags)

        _patiently(append)

    def _point(self, name: str, alias: str, version: str) -> None:
        known = _patiently(lambda: self._client.get_registered_model(name)).aliases
        if str(known.get(alias, "")) != version:
            _patiently(lambda: self._client.set_registered_model_alias(name, alias, version))

    def _run(self, draft: ModelDraft, folder: Path, evidence: dict[str, Path], token: str) -> Any:
        experiment = self._experiment(draft.name)
        found = self._client.search_runs(
            [experiment], filter_string=f"tags.`{TOKEN}` = '{token}'", max_results=1
        )
        run = found[0] if found else self._client.create_run(experiment, tags={TOKEN: token})
        for name, value in draft.metrics.items():
            self._client.log_metric(run.info.run_id, name, value)
        for name, text in draft.lineage.items():
            self._client.set_tag(run.info.run_id, f"lineage.{name}", text[:5000])
        self._client.log_artifacts(run.info.run_id, str(folder), "model")
        for name, file in evidence.items():
            self._client.log_artifact(run.info.run_id, str(file), str(Path(name).parent))
        self._client.set_terminated(run.info.run_id)
        return self._client.get_run(run.info.run_id)

    def _experiment(self, name: str) -> str:
        known = self._client.get_experiment_by_name(name)
        if known is not None:
            return str(known.experiment_id)
        place = f"{self._artifact_root}/{name}" if self._artifact_root else None
        try:
            return str(self._client.create_experiment(name, artifact_location=place))
        except MlflowException as error:
            if not _is(error, RESOURCE_ALREADY_EXISTS):
                raise
            return self._experiment(name)

    def _ensure(self, name: str) -> None:
        try:
            _patiently(lambda: self._client.create_registered_model(name))
        except MlflowException as error:
            if not _is(error, RESOURCE_ALREADY_EXISTS):
                raise

    def _versions(self, name: str) -> list[MlflowVersion]:
        found: list[MlflowVersion] = []
        page: str | None = None
        search = partial(self._client.search_model_versions, f"name='{name}'", max_results=1000)
        while True:
            result = _patiently(partial(search, page_token=page))
            found.extend(result)
            page = result.token
            if not page:
                return found

    def _with_token(self, name: str, token: str) -> MlflowVersion | None:
        same = [each for each in self._versions(name) if each.tags.get(TOKEN) == token]
        return min(same, key=lambda each: int(each.version), default=None)

    def _version(self, found: MlflowVersion) -> ModelVersion:
        tags = found.tags
        page = f"{self._pages}/#/models/{found.name}/versions/{found.version}"
        return ModelVersion(
            name=found.name,
            version=str(found.version),
            uri=found.source,
            digest=tags.get(DIGEST, ""),
            metrics=json.loads(tags.get(METRICS, "{}")),
            lineage=json.loads(tags.get(LINEAGE, "{}")),
            evidence=json.loads(tags.get(EVIDENCE, "{}")),
            url=page if self._pages else "",
        )


def _ledger(name: str) -> str:
    return f"{name}.promotions"


def _to_wish(entry: MlflowVersion) -> Wish:
    values = {key: entry.tags.get(f"bluewater.{key}", "") for key in WISH}
    return Wish.model_validate({"number": int(entry.version), **values})


def _is(error: MlflowException, code: int) -> bool:
    return bool(error.error_code == ErrorCode.Name(code))


def _patiently(call: Callable[[], T]) -> T:
    """Call again while others hold the data base. MLflow wraps some of its locks, not all."""
    for attempt in range(TRIES):
        try:
            return call()
        except (OperationalError, MlflowException) as error:
            busy = "locked" in str(error) or "giving up after" in str(error)
            if not busy or attempt == TRIES - 1:
                raise
            time.sleep(0.02 * (attempt + 1))
    raise AssertionError("unreachable")
