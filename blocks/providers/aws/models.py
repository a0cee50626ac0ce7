"""Models in SageMaker's registry: a model package group for each, aliases beside it in S3."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from botocore.exceptions import ClientError
from prefect.blocks.core import Block
from pydantic import Field

from blocks.cloud.alias_log import AliasLog
from blocks.cloud.kept_models import keep
from blocks.cloud.logged_aliases import LoggedAliases
from blocks.contracts import (
    ModelDraft,
    ModelVersion,
    NotFound,
    Promotion,
    ProviderError,
    RegistryFeatures,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.errors import code_of, explain
from blocks.providers.aws.images import serving_image
from blocks.providers.aws.lookup import READS
from blocks.providers.aws.package_calls import (
    MADE_FOR,
    NAME,
    from_describe_model_package,
    record_of,
    require_name,
    to_create_model_package,
)
from blocks.providers.aws.s3 import Objects

MISSING = "ValidationException"  # of a describe: the registry's word for "there is no such thing"


class SageMakerModels(Block, LoggedAliases):
    """Registers model versions with Amazon SageMaker; the files are kept in the account's bucket.

    The alias log in S3 decides what an alias means. The tag of the same name on the model package
    group, and the approval status, repeat it for people and for EventBridge rules.
    """

    _block_type_name = "SageMaker models"
    _block_type_slug = "aws-models"

    provider: ClassVar[str] = "aws"
    features: ClassVar[RegistryFeatures] = RegistryFeatures(
        scheme="s3", aliases=True, guarded_promotion=True
    )

    account: AwsAccount = Field(default_factory=AwsAccount, description="Where and as whom.")
    image: str = Field(
        default_factory=serving_image, description="Image that serves the versions; may be empty."
    )

    def _explain(self, error: Exception) -> ProviderError | None:
        return explain(error)

    def _register(self, draft: ModelDraft, token: str) -> ModelVersion:
        require_name(draft.name)
        if known := self._with_token(draft.name, token):
            return self._version(known)
        folder = f"{self._home(draft.name)}/versions/{token}"
        keep(self._objects, draft, folder)
        self._ensure_group(draft.name)
        call = to_create_model_package(draft, token, folder=folder, image=self.image)
        return self._version(self._sagemaker.create_model_package(**call)["ModelPackageArn"])

    def _find(self, name: str, version: str) -> ModelVersion | None:
        group = self._group(name) if version.isdigit() else None
        if group is None:
            return None
        arn = f"{group.replace(':model-package-group/', ':model-package/')}/{int(version)}"
        try:
            return self._version(arn)
        except ClientError as error:
            if code_of(error) == MISSING:
                return None
            raise

    def _with_token(self, name: str, token: str) -> str:
        """Return the ARN of the version that was made for this token; empty if there is none."""
        if self._group(name) is None:
            return ""
        pages = self._reads.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=name, SortBy="CreationTime", SortOrder="Descending"
        )
        for page in pages:
            for each in page["ModelPackageSummaryList"]:
                if each.get("ModelPackageDescription") == f"{MADE_FOR}{token}":
                    return str(each["ModelPackageArn"])
        return ""

    def _version(self, arn: str) -> ModelVersion:
        package = self._reads.describe_model_package(ModelPackageName=arn)
        record = self._objects.read(record_of(package)) if record_of(package) else None
        if record is None:
            raise NotFound(f"{arn} was not registered by bluewater", code="FOREIGN")
        return from_describe_model_package(package, record[0])

    def _group(self, name: str) -> str | None:
        """Return the ARN of a model's group; None if there is none."""
        if not NAME.fullmatch(name):
            return None
        try:
            found = self._reads.describe_model_package_group(ModelPackageGroupName=name)
        except ClientError as error:
            if code_of(error) == MISSING:
                return None
            raise
        return str(found["ModelPackageGroupArn"])

    def _ensure_group(self, name: str) -> None:
        if self._group(name) is not None:
            return
        try:
            self._sagemaker.create_model_package_group(
                ModelPackageGroupName=name, Tags=self.account.tags()
            )
        except ClientError:
            if self._group(name) is None:  # else somebody else made it at the same moment
                raise

    def _show(self, name: str, move: Promotion) -> None:
        group = self._group(name)
        if group is None:
            return  # it was removed since
        tag = {"Key": f"bluewater:alias:{move.alias}", "Value": move.version}
        self._sagemaker.add_tags(ResourceArn=group, Tags=[tag])
        version = f"{group.replace(':model-package-group/', ':model-package/')}/{move.version}"
        self._sagemaker.update_model_package(
            ModelPackageArn=version, ModelApprovalStatus="Approved"
        )

    def _home(self, name: str) -> str:
        return f"{self.account.root}/models/{name}"

    def _log(self, name: str) -> AliasLog:
        return AliasLog(self._objects, f"{self._home(name)}/aliases")

    @cached_property
    def _objects(self) -> Objects:
        once = self.account.client("s3")
        return Objects(self.account.client("s3", attempts=READS), once=once)

    @property
    def _reads(self) -> Any:
        return self.account.client("sagemaker", attempts=READS)

    @property
    def _sagemaker(self) -> Any:
        return self.account.client("sagemaker")
