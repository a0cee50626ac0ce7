"""What functions did: ticks from the log of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from blocks.contracts import MonitorFeatures, Sample, Unsupported, Window
from blocks.providers.aws.monitor import SageMakerMonitor


class LambdaMonitor(SageMakerMonitor):
    """Reads what our model servers wrote to the logs of their functions; keeps metrics in S3.

    An environment is put to sleep after each answer, so it writes down what it counted before it.
    """

    _block_type_name = "Lambda monitor"
    _block_type_slug = "aws-lambda-monitor"

    provider: ClassVar[str] = "aws-lambda"
    features: ClassVar[MonitorFeatures] = MonitorFeatures(
        resolution_seconds=1, captures=False, mirrored=False
    )

    def _measured(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        raise Unsupported(
            f"{metric} is a metric of SageMaker, and these are functions; ask CloudWatch",
            code="METRIC",
        )

    def _log_group(self, endpoint: str) -> str:
        return f"/aws/lambda/{self.account.named(endpoint)}"
