"""Jobs that tests ask EC2 for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from blocks.contracts import OperationRef, RunKey, TrainingRequest
from blocks.providers.aws.ec2.training import Ec2Training

KEY = RunKey(run="run-1", step="train")

Training = Callable[..., Ec2Training]


def spot(bench: Any, **more: Any) -> TrainingRequest:
    request: TrainingRequest = bench.training_request(**more)
    return request.model_copy(update={"spot": True})


def state(bench: Any, ref: OperationRef) -> str:
    [machine] = bench.training.instances(ref)
    return str(machine["state"])
