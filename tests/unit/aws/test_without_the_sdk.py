"""What takes AWS's SDK says so where it is not installed, before anything is made."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import pandas as pd
import pytest

from blocks.contracts import (
    Capture,
    Endpoints,
    MonitoringSchedule,
    ObjectStore,
    RunKey,
    Unsupported,
)
from blocks.providers.aws.clarify import SageMakerClarify
from blocks.providers.aws.clarify_calls import Bias, ClarifyRequest
from blocks.providers.aws.emulator.launch import Account
from blocks.providers.aws.feature_calls import FeatureGroup
from blocks.providers.aws.feature_store import SageMakerFeatureStore
from blocks.providers.aws.training import SageMakerTraining
from blocks.providers.aws.watching import SageMakerModelMonitor

pytestmark = pytest.mark.skipif(find_spec("sagemaker") is not None, reason="the SDK is here")

KEY = RunKey(run="run-1", step="sdk")
ROWS = pd.DataFrame({"flight": ["UA1"], "at": ["2026-05-01T10:00:00Z"], "late": [0]})


def rows(bench: Any) -> str:
    store, out = bench.connect(ObjectStore), io.BytesIO()
    ROWS.to_parquet(out)
    return str(store.write(f"{store.root}/rows.parquet", out.getvalue()).uri)


def train(bench: Any) -> None:
    request = bench.training_request(script="")
    store = bench.connect(ObjectStore)
    store.write(f"{request.source_uri}/train.py", b"")
    asked = request.model_copy(update={"command": ("python", "train.py")})
    SageMakerTraining(account=bench.account, toolkit=True).submit(asked, key=KEY)


def clarify(bench: Any) -> None:
    bias = Bias(label="late", good=(0,), facet="flight", sensitive=("UA1",))
    root = bench.account.root
    request = ClarifyRequest(data_uri=rows(bench), output_uri=f"{root}/out", analysis=bias)
    SageMakerClarify(account=bench.account).submit(request, key=KEY)


def keep(bench: Any) -> None:
    group = FeatureGroup(name="flights", record="flight", event_time="at")
    SageMakerFeatureStore(account=bench.account).ingest(group, ROWS)


def watch(bench: Any) -> None:
    request = bench.variant_request().model_copy(update={"capture": Capture(sample=1.0)})
    bench.settle(bench.connect(Endpoints).deploy(request, key=KEY))
    schedule = MonitoringSchedule(
        endpoint=request.endpoint,
        baseline_uri=rows(bench),
        output_uri=f"{bench.account.root}/monitor",
        every=timedelta(hours=1),
    )
    SageMakerModelMonitor(account=bench.account, suggest=True).ensure(schedule)


@pytest.mark.parametrize("begin", [train, clarify, keep, watch])
def test_it_is_refused_with_what_to_install(
    bench: Any, emulator: Account, begin: Callable[[Any], None]
) -> None:
    with pytest.raises(Unsupported, match=r"pip install 'bluewater\[sagemaker\]'") as caught:
        begin(bench)
    assert caught.value.code == "EXTRA"
    made = {each["call"] for each in emulator.calls("sagemaker:Create*")}
    assert made <= {f"sagemaker:Create{word}" for word in ("Model", "EndpointConfig", "Endpoint")}
