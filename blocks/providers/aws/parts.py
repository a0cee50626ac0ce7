"""What an endpoint is made of: models and configurations, made when needed and removed after."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.desired import Desired
from blocks.providers.aws.endpoint_calls import to_create_endpoint_config, to_create_model
from blocks.providers.aws.errors import code_of
from blocks.providers.aws.lookup import READS, UNKNOWN, look_for


class Parts:
    """Models and endpoint configurations of one account."""

    def __init__(self, account: AwsAccount, *, image: str, told: Mapping[str, str]) -> None:
        self._account, self._image, self._told = account, image, told
        self._sagemaker = account.client("sagemaker")
        self._reads = account.client("sagemaker", attempts=READS)

    def make(self, desired: Desired, config: str) -> None:
        """Make the configuration of what is wanted, and the models in it."""
        for name, variant in desired.served().items():
            copies = name == desired.shadow()
            call = to_create_model(variant, copies=copies, image=self._image, told=self._told)
            self.make_model(call, self._account.tags(token=variant.token))
        self.unless_there(
            self._sagemaker.create_endpoint_config,
            **to_create_endpoint_config(desired, name=config, kms_key=self._account.kms_key),
            Tags=self._account.tags(),
        )

    def make_model(self, call: Mapping[str, Any], tags: list[dict[str, str]]) -> None:
        """Make a model that runs as the account's role, in its network."""
        self.unless_there(self._sagemaker.create_model, **call, **self._surroundings(), Tags=tags)

    def _surroundings(self) -> dict[str, Any]:
        vpc = self._account.vpc()
        return {
            "ExecutionRoleArn": self._account.execution_role,
            "EnableNetworkIsolation": self._account.network_isolation,
            **({"VpcConfig": vpc} if vpc else {}),
        }

    def remove(self, configs: Iterable[str], models: Iterable[str]) -> None:
        """Remove what may be gone already."""
        for config in configs:
            self._unless_gone(self._sagemaker.delete_endpoint_config, EndpointConfigName=config)
        for model in models:
            self._unless_gone(self._sagemaker.delete_model, ModelName=model)

    def unless_there(self, create: Any, **call: Any) -> None:
        """Create something, or find it there."""
        try:
            create(**call)
        except ClientError as error:
            # names are made from what is behind them, so what is there is what was wanted
            if not (code_of(error) in UNKNOWN and self._is_there(call, patient=True)):
                raise

    def _is_there(self, call: Mapping[str, Any], *, patient: bool) -> bool:
        describe = {
            "InferenceComponentName": self._reads.describe_inference_component,
            "ModelName": self._reads.describe_model,
            "EndpointName": self._reads.describe_endpoint,
            "EndpointConfigName": self._reads.describe_endpoint_config,
        }
        word = next(key for key in describe if key in call)
        return look_for(describe[word], word, call[word], patient=patient) is not None

    def _unless_gone(self, delete: Any, **call: Any) -> None:
        try:
            delete(**call)
        except ClientError as error:
            if not (code_of(error) in UNKNOWN and not self._is_there(call, patient=False)):
                raise
