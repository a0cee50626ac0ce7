"""Jobs of ours, whatever Vertex AI calls them: listed, described and stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from google.cloud.aiplatform_v1.services.job_service import JobServiceClient
from google.cloud.aiplatform_v1.types import CustomJobSpec, JobState

from blocks.contracts import Machines, Resource
from blocks.providers.gcp.account import TOKEN_LABEL, GcpAccount
from blocks.providers.gcp.batch import VertexBatch
from blocks.providers.gcp.job_kinds import CUSTOM, PREDICTION, TUNING, JobKind
from blocks.providers.gcp.lookup import look_for
from blocks.providers.gcp.prediction.calls import KIND as PREDICTED
from blocks.providers.gcp.prediction.calls import replicas_of
from blocks.providers.gcp.training_calls import KIND_LABEL, STUDY, TRAINING, is_over, machines_of

TRAINING_JOB, BATCH_JOB = "training-job", "batch-job"
_KINDS = (
    (TRAINING_JOB, CUSTOM, TRAINING),
    (TRAINING_JOB, TUNING, STUDY),
    (BATCH_JOB, CUSTOM, "batch"),
    (BATCH_JOB, PREDICTION, PREDICTED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedJobs:
    """The jobs of one owner; ids of custom jobs and of studies are never the same."""

    account: GcpAccount
    kinds: ClassVar[frozenset[str]] = frozenset({TRAINING_JOB, BATCH_JOB})

    def listed(self) -> Iterator[Resource]:
        """Yield every job; running ones with what they run on and whose they are."""
        for kind, jobs, label in _KINDS:
            told = f'{self.account.mine} AND labels.{KIND_LABEL}="{label}"'
            for job in jobs.list(self._client, self.account.parent, told):
                yield self._detailed(_resource(kind, job), job, jobs)

    def described(self, resource: Resource) -> Any:
        """Return a job as it is now, or None if there is none of that id."""
        found = self._found(resource)
        return found[1] if found else None

    def cancel(self, resource: Resource) -> None:
        """Ask a job to stop."""
        if found := self._found(resource):
            kind, job = found
            kind.cancel(self._client, job.name)

    def _found(self, resource: Resource) -> tuple[JobKind, Any] | None:
        for kind in dict.fromkeys(jobs for name, jobs, _ in _KINDS if name == resource.kind):
            name = f"{self.account.parent}/{kind.collection}/{resource.id}"
            job = look_for(lambda: kind.get(self._client, name), patient=False)  # noqa: B023
            if job is not None:
                return kind, job
        return None

    def _detailed(self, resource: Resource, job: Any, jobs: JobKind) -> Resource:
        if not resource.running:
            return resource
        if resource.kind == BATCH_JOB:
            machines = replicas_of(job) if jobs is PREDICTION else machines_of(job.job_spec)
            output = self._scored(str(job.labels.get(TOKEN_LABEL, "")))
        elif jobs is TUNING:  # each study has a folder of its own in the place of its run
            machines = _times(machines_of(job.trial_job_spec), job.parallel_trial_count)
            output = _output(job.trial_job_spec).rpartition("/")[0]
        else:
            machines, output = machines_of(job.job_spec), _output(job.job_spec)
        return resource.model_copy(update={"machines": (machines,), "output_uri": output})

    def _scored(self, token: str) -> str:
        """Return where a batch job's predictions go, if that is still known."""
        asked = VertexBatch(account=self.account, image="none").request_of(token)
        return asked.output_uri.rstrip("/") if asked else ""

    @property
    def _client(self) -> JobServiceClient:
        return self.account.client(JobServiceClient)


def _resource(kind: str, job: Any) -> Resource:
    return Resource(
        kind=kind,
        id=job.name.rpartition("/")[2],
        name=job.display_name,
        created=job.create_time,
        running=not is_over(job),
        detail=JobState(job.state).name,
    )


def _output(spec: CustomJobSpec) -> str:
    return str(spec.base_output_directory.output_uri_prefix).rstrip("/")


def _times(machines: Machines, count: int) -> Machines:
    return machines.model_copy(update={"count": machines.count * count})
