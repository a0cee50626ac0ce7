"""Models in MLflow, on any server: aliases and tags, never stages.

MLflow moves an alias for whoever asks last, and forgets where it pointed before. So the moves are
kept as versions of a second registered model, ``<name>.promotions``: MLflow numbers versions in one
order, whoever asks. The alias itself is set to what that log says, and set right again by the next
look if a process died in between.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from mlflow.entities.model_registry import ModelVersion as MlflowVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    BAD_REQUEST,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
)
from mlflow.tracking import MlflowClient

from blocks.contracts import (
    Conflict,
    InvalidRequest,
    ModelDraft,
    ModelVersion,
    NotFound,
    Promotion,
)
from blocks.registries.ledger import Replay, Wish, replay
from blocks.registries.mlflow_access import is_code, patiently, quieten
from blocks.registries.mlflow_artifacts import here
from blocks.registries.mlflow_runs import TOKEN, MlflowRuns
from blocks.workload import digest

DIGEST, METRICS, LINEAGE, EVIDENCE = (
    f"bluewater.{name}" for name in ("digest", "metrics", "lineage", "evidence")
)
WISH = ("token", "alias", "to", "replacing", "at", "by")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]*")
ALIAS = re.compile(r"(?!latest$|v\d+$)[A-Za-z_][A-Za-z0-9_-]*", re.IGNORECASE)  # as MLflow has it


class MlflowRegistry:
    """One MLflow tracking server and registry, or one data base of them."""

    def __init__(self, tracking_uri: str, *, artifact_root: str | None, pages: str = "") -> None:
        quieten()
        self._client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
        self._runs = MlflowRuns(self._client, artifact_root=artifact_root)
        self._pages = pages

    def register(
        self, draft: ModelDraft, folder: Path, evidence: Mapping[str, Path], token: str
    ) -> ModelVersion:
        """Keep the folder and the evidence in a run, and record a version that points at them."""
        _check(NAME, draft.name, "model name")
        if known := self._with_token(draft.name, token):
            return self._version(known[0])
        _verify(folder, draft.digest)
        kept = self._runs.keep(draft, folder, evidence, token)
        if (place := here(kept.source)) is not None:
            _verify(place, draft.digest)
        self._ensure(draft.name, {})
        tags = {
            DIGEST: draft.digest,
            METRICS: json.dumps(dict(draft.metrics)),
            LINEAGE: json.dumps(dict(draft.lineage)),
            EVIDENCE: json.dumps(dict(kept.evidence)),
        }
        first, *late = self._append(draft.name, token, kept.source, tags, run_id=kept.run)
        for each in late:  # recorded at the same moment, by a process that may be gone
            self._forget(each)
        if first.run_id != kept.run:
            self._runs.discard(kept.run)
        return self._version(first)

    def find(self, name: str, version: str) -> ModelVersion | None:
        """Return that version, or None."""
        _check(NAME, name, "model name")
        if not version.isdigit():
            return None
        try:
            return self._version(patiently(lambda: self._client.get_model_version(name, version)))
        except MlflowException as error:
            if is_code(error, RESOURCE_DOES_NOT_EXIST):
                return None
            raise

    def resolve(self, name: str, alias: str) -> ModelVersion | None:
        """Return what the log says the alias points to, and set the alias right if it does not."""
        _check(NAME, name, "model name")
        _check(ALIAS, alias, "alias")
        found: ModelVersion | None = None
        while True:
            version = self._replay(name).pointing.get(alias, "")
            named = self._alias(name, alias)
            if not version and named:
                self._adopt(name, alias, named)
                continue
            if found is not None and found.version == version == named:
                return found
            found = self.find(name, version) if version else None
            if found is None or version == named:
                return found
            self._point(name, alias, version)  # and look again: others move it, too

    def promote(self, model: ModelVersion, alias: str, replacing: str, by: str) -> None:
        """Move the alias if it points at ``replacing``. Raises Conflict that says who was first."""
        if self.find(model.name, model.version) is None:
            raise NotFound(f"{model.name!r} has no version {model.version!r}", code="VERSION")
        now = self.resolve(model.name, alias)
        if now is not None and now.version == model.version:
            return
        if (now.version if now else "") != replacing:
            raise self._conflict(model.name, alias, replacing)
        token = uuid.uuid4().hex
        # a version that somebody deleted is nowhere to be found, and still what the log ends with
        last = self._replay(model.name).pointing.get(alias, "")
        gone = not replacing and last and self.find(model.name, last) is None
        believed = last if gone else replacing
        self._wish(model.name, alias, model.version, replacing=believed, by=by, token=token)
        after = self._replay(model.name)
        if token not in after.counted and after.pointing.get(alias) != model.version:
            raise self._conflict(model.name, alias, replacing)
        self.resolve(model.name, alias)

    def history(self, name: str, alias: str) -> Sequence[Promotion]:
        """Return the moves that counted, oldest first."""
        _check(NAME, name, "model name")
        return self._replay(name).of(alias)

    def _replay(self, name: str) -> Replay:
        return replay(_to_wish(entry) for entry in self._versions(_ledger(name)))

    def _wish(self, name: str, alias: str, to: str, *, replacing: str, by: str, token: str) -> None:
        values = (token, alias, to, replacing, datetime.now(UTC).isoformat(), by)
        tags = {f"bluewater.{key}": value for key, value in zip(WISH, values, strict=True)}
        self._ensure(_ledger(name), {"bluewater.log": name})
        self._append(_ledger(name), token, f"promotion:/{alias}", tags)

    def _adopt(self, name: str, alias: str, version: str) -> None:
        """Begin the log of an alias that somebody set before there was one."""
        token = uuid.uuid4().hex
        self._wish(name, alias, version, replacing="", by="found in MLflow", token=token)

    def _conflict(self, name: str, alias: str, replacing: str) -> Conflict:
        moves = self.history(name, alias)
        where = f"points at version {moves[-1].version}" if moves else "points nowhere"
        who = f", moved there by {moves[-1].by or 'an unnamed run'}" if moves else ""
        return Conflict(
            f"alias {alias!r} of {name!r} {where}{who}, and not at {replacing or 'none'}; "
            "look again and decide anew",
            code="ALIAS_MOVED",
        )

    def _alias(self, name: str, alias: str) -> str:
        """Return the version that MLflow's alias names; empty for none."""
        try:
            model = patiently(lambda: self._client.get_registered_model(name))
        except MlflowException as error:
            if is_code(error, RESOURCE_DOES_NOT_EXIST):
                return ""
            raise
        return str(model.aliases.get(alias, ""))

    def _forget(self, version: MlflowVersion) -> None:
        try:
            patiently(lambda: self._client.delete_model_version(version.name, version.version))
        except MlflowException as error:
            if not is_code(error, RESOURCE_DOES_NOT_EXIST):
                raise

    def _point(self, name: str, alias: str, version: str) -> None:
        """Set MLflow's alias. Of two who make it at once, MLflow fails one, as a bad request."""
        try:
            patiently(lambda: self._client.set_registered_model_alias(name, alias, version))
        except MlflowException as error:
            if not (is_code(error, BAD_REQUEST) and self._alias(name, alias)):
                raise

    def _ensure(self, name: str, tags: Mapping[str, str]) -> None:
        try:
            patiently(lambda: self._client.create_registered_model(name, tags=dict(tags)))
        except MlflowException as error:
            if not is_code(error, RESOURCE_ALREADY_EXISTS):
                raise

    def _append(
        self,
        name: str,
        token: str,
        source: str,
        tags: Mapping[str, str],
        *,
        run_id: str | None = None,
    ) -> list[MlflowVersion]:
        """Return every version with this token, the first of them first; make one if none is."""
        create = partial(self._client.create_model_version, name, source, run_id)

        def append() -> None:
            if not self._with_token(name, token):
                create(tags={TOKEN: token, **tags}, await_creation_for=0)

        patiently(append, races=True)
        return self._with_token(name, token)

    def _with_token(self, name: str, token: str) -> list[MlflowVersion]:
        return self._versions(name, f" AND tags.`{TOKEN}` = '{token}'")

    def _versions(self, name: str, and_: str = "") -> list[MlflowVersion]:
        """Return the versions in the order of their numbers."""
        found: list[MlflowVersion] = []
        page: str | None = None
        search = partial(self._client.search_model_versions, f"name = '{name}'{and_}", 1000)
        while True:
            result: Any = patiently(partial(search, page_token=page))
            found.extend(result)
            page = result.token
            if not page:
                return sorted(found, key=lambda each: int(each.version))

    def _version(self, found: MlflowVersion) -> ModelVersion:
        tags = found.tags
        page = f"{self._pages}/#/models/{found.name}/versions/{found.version}"
        return ModelVersion(
            name=found.name,
            version=str(found.version),
            uri=self._runs.openable(str(found.source)),
            digest=tags.get(DIGEST, ""),
            metrics=json.loads(tags.get(METRICS, "{}")),
            lineage=json.loads(tags.get(LINEAGE, "{}")),
            evidence=json.loads(tags.get(EVIDENCE, "{}")),
            url=page if self._pages else "",
        )


def _verify(folder: Path, wanted: str) -> None:
    if not folder.is_dir():
        raise InvalidRequest(f"there is no model folder at {folder}", code="MODEL")
    if (found := digest(folder)) != wanted:
        raise InvalidRequest(
            f"the model folder {folder} has digest {found}, the draft says {wanted}; it changed "
            "after training, train again",
            code="DIGEST",
        )


def _check(pattern: re.Pattern[str], text: str, what: str) -> None:
    if not pattern.fullmatch(text):
        raise InvalidRequest(
            f"{text!r} cannot be a {what} in MLflow; use letters, digits, dashes", code="NAME"
        )


def _ledger(name: str) -> str:
    return f"{name}.promotions"


def _to_wish(entry: MlflowVersion) -> Wish:
    values = {key: entry.tags.get(f"bluewater.{key}", "") for key in WISH}
    return Wish.model_validate({"number": int(entry.version), **values})
