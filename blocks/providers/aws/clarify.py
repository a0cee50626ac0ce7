"""Analyses of SageMaker Clarify as jobs near the data: bias, and what a model's answers hang on.

Beside ``evaluation.near``, which runs checks of ours: this is AWS's image, by AWS's SDK.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.job_files import is_object
from blocks.cloud.named import make_named
from blocks.contracts import (
    Capture,
    InvalidRequest,
    NotFound,
    OperationRef,
    OperationStatus,
    Phase,
    RunKey,
    VariantRequest,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.clarify_calls import (
    SCORES,
    ClarifyReport,
    ClarifyRequest,
    Explanation,
    from_analysis,
    methods_of,
    to_bias_config,
    to_data_config,
    to_model_config,
    to_shap_config,
)
from blocks.providers.aws.desired import DesiredVariant
from blocks.providers.aws.endpoint_calls import require_servable, to_create_model
from blocks.providers.aws.errors import explain, explained
from blocks.providers.aws.images import serving_image
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.parts import Parts
from blocks.providers.aws.processing_calls import from_describe_processing_job, outputs_of
from blocks.providers.aws.processing_jobs import found_job, is_open, processing_name, stop_job
from blocks.providers.aws.s3 import Objects
from blocks.providers.aws.sdk import job_settings, part


class SageMakerClarify(Block):
    """Begins analyses and reads what they found. Takes ``bluewater[sagemaker]``."""

    _block_type_name = "SageMaker Clarify"
    _block_type_slug = "aws-clarify"

    provider: ClassVar[str] = "aws"
    capability: ClassVar[str] = "clarify"

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image that serves models, with bluewater in it."
    )
    volume_gb: int = Field(default=30, ge=1, description="Disk of the job's machine, in GB.")

    def submit(self, request: ClarifyRequest, *, key: RunKey) -> OperationRef:
        """Begin an analysis; returns at once. The same request under the same key is one job."""
        token = key.token(request)
        name = processing_name(self.account, token)
        with explained():
            request = self._pointed(request)
            asked = request.analysis if isinstance(request.analysis, Explanation) else None
            model = self._model(asked, token) if asked else ""
            make_named(
                lambda: self._begin(request, name, token, model),
                partial(found_job, self.account, name),
                explain=explain,
                conflict_is_the_name=True,
            )
        return OperationRef(
            provider=self.provider,
            capability=self.capability,
            id=name,
            token=token,
            scope={"region": self.account.region, "model": model},
        )

    def status(self, ref: OperationRef) -> OperationStatus[ClarifyReport]:
        """Look once at an analysis. A model that was made to be asked goes when it is over."""
        with explained():
            job = found_job(self.account, ref.id)
            if job is None:
                raise NotFound(f"no analysis {ref.id} in {self.account.region}", code="JOB")
            seen = from_describe_processing_job(job, "")
            if seen.phase.done and (model := ref.scope.get("model")):
                self._parts.remove((), [model])
            report = None
            if seen.phase is Phase.SUCCEEDED:
                [uri] = outputs_of(job).values()
                found = self._objects.read(f"{uri}/analysis.json")
                report = from_analysis(found[0] if found else None, uri=uri)
        return OperationStatus[ClarifyReport](
            phase=seen.phase,
            result=report,
            failure=seen.failure,
            usage=seen.usage,
            poll_after=seen.poll_after,
        )

    def cancel(self, ref: OperationRef) -> None:
        """Ask an analysis to stop; one that is over, or was never there, is left alone."""
        with explained():
            job = found_job(self.account, ref.id)
            if job is not None and is_open(job):
                stop_job(self.account, ref.id)

    def _begin(self, request: ClarifyRequest, name: str, token: str, model: str) -> None:
        settings = job_settings(
            self.account, request.machine, volume_gb=self.volume_gb, token=token
        )
        processor = part("core.clarify:SageMakerClarifyProcessor")(
            **settings, max_runtime_in_seconds=round(request.max_duration.total_seconds())
        )
        data = to_data_config(request, config_uri=f"{self.account.root}/clarify/{name}")
        run = {"data_config": data, "job_name": name, "wait": False, "logs": False}
        analysis = request.analysis
        if isinstance(analysis, Explanation):
            processor.run_explainability(
                model_config=to_model_config(analysis, model=model, prefix=self._prefix),
                explainability_config=to_shap_config(analysis),
                model_scores=SCORES,
                **run,
            )
            return
        bias, (labels, predictions) = to_bias_config(analysis), methods_of(analysis)
        if not analysis.predicted:
            processor.run_pre_training_bias(data_bias_config=bias, methods=labels, **run)
            return
        methods = {"pre_training_methods": labels, "post_training_methods": predictions}
        processor.run_bias(bias_config=bias, **methods, **run)

    def _pointed(self, request: ClarifyRequest) -> ClarifyRequest:
        """Return a request whose data are one object, or a folder and no other like it."""
        if is_object(self._objects, request.data_uri):
            return request
        return request.model_copy(update={"data_uri": f"{request.data_uri.rstrip('/')}/"})

    def _model(self, explanation: Explanation, token: str) -> str:
        """See that there is a model to be asked, which keeps nothing of what it is asked."""
        if not self.image:
            raise InvalidRequest("image: name an image with bluewater in it", code="IMAGE")
        is_object(self._objects, explanation.baseline_uri, field="baseline_uri")
        request = VariantRequest(
            endpoint="clarify",
            variant="explained",
            model=explanation.model,
            machine=explanation.machine,
            capture=Capture(sample=0),
        )
        require_servable(request, isolated=self.account.network_isolation)
        name = self.account.named(f"clarify-{token[:20]}")
        variant = DesiredVariant(request=request, token=token, model=name)
        call = to_create_model(variant, copies=False, image=self.image, told={})
        self._parts.make_model(call, self.account.tags(token=token))
        return name

    @property
    def _prefix(self) -> str:
        return self.account.named("clarify")

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self.account, image=self.image, told={})

    @property
    def _objects(self) -> Objects:
        return Objects(self.account.client("s3", attempts=READS))
