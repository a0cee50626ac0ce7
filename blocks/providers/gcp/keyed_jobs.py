"""Jobs of one kind of Vertex AI's, of which each token has one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from google.cloud.aiplatform_v1.services.job_service import JobServiceClient

from blocks.cloud.bucket import Bucket
from blocks.cloud.markers import Markers
from blocks.cloud.submission import Submission
from blocks.providers.gcp.account import TOKEN_LABEL, GcpAccount
from blocks.providers.gcp.errors import explain
from blocks.providers.gcp.job_kinds import JobKind
from blocks.providers.gcp.lookup import is_id, look_for


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedJobs:
    """The service takes no key of ours, so a label carries it, and a marker in a bucket."""

    account: GcpAccount
    kind: JobKind
    bucket: Bucket
    markers: str = "submitted"  # folder; the same token may have jobs of several kinds

    def submit(self, token: str, told: Callable[[], Mapping[str, Any]]) -> str:
        """Return the id of the token's job, created now as ``told`` says if there is none."""
        return Submission(
            token,
            Markers(self.bucket, f"{self.account.root}/{self.markers}"),
            find=partial(self._labelled, token),
            create=lambda: self._create(told()),
            drop=self.cancel,
            explain=explain,
        ).id()

    def find(self, id_: str) -> Any | None:
        """Return a job as it is now; None if there is none."""
        if not is_id(id_):
            return None
        return look_for(lambda: self.kind.get(self._client, self._name(id_)))

    def cancel(self, id_: str) -> None:
        """Ask a job to stop; what is over, or unknown, stays so."""
        self.kind.cancel(self._client, self._name(id_))

    def _create(self, told: Mapping[str, Any]) -> str:
        made = self.kind.create(self._client, self.account.parent, told)
        return str(made.name.rpartition("/")[2])

    def _labelled(self, token: str) -> str | None:
        """Return the id of the first job that carries a token, if one shows."""
        told = f'{self.account.mine} AND labels.{TOKEN_LABEL}="{token}"'
        found = self.kind.list(self._client, self.account.parent, told)
        ids = [job.name.rpartition("/")[2] for job in found]
        return str(min(ids, key=int)) if ids else None

    def _name(self, id_: str) -> str:
        return f"{self.account.parent}/{self.kind.collection}/{id_}"

    @property
    def _client(self) -> JobServiceClient:
        return self.account.client(JobServiceClient)
