"""Analyses of Clarify, begun by AWS's SDK and done near the data."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest

from blocks.contracts import (
    InvalidRequest,
    Inventory,
    ModelRegistry,
    NotFound,
    ObjectStore,
    OperationRef,
    Phase,
    RunKey,
)
from blocks.providers.aws.account import AwsAccount
from blocks.providers.aws.clarify import SageMakerClarify
from blocks.providers.aws.clarify_calls import Bias, ClarifyReport, ClarifyRequest, Explanation
from blocks.providers.aws.emulator.launch import CONTAINERS, Account
from blocks.providers.aws.endpoint_levers import IMAGE
from blocks.testing.waiting import until
from deployments.aws.sdk_policy import JOB

KEY = RunKey(run="run-1", step="clarify")
BIAS = Bias(
    label="late", good=(0,), facet="carrier", sensitive=("B6",), predicted="prediction", group="day"
)


@pytest.fixture
def block(account: AwsAccount) -> SageMakerClarify:
    return SageMakerClarify(account=account, image=IMAGE)


def kept(bench: Any, name: str, rows: pd.DataFrame) -> str:
    """Write rows as Parquet; return their URI."""
    store, out = bench.connect(ObjectStore), io.BytesIO()
    rows.to_parquet(out)
    return str(store.write(f"{store.root}/{name}", out.getvalue()).uri)


def flights(bench: Any) -> ClarifyRequest:
    """Of ten flights of UA four are late, and of ten of B6 six; half of these are foreseen."""
    rows = [
        {"carrier": carrier, "day": each % 2, "late": int(each < late), "x": each / 10, "n": each}
        for carrier, late in (("UA", 4), ("B6", 6))
        for each in range(10)
    ]
    frame = pd.DataFrame(rows).assign(prediction=lambda told: told["late"] * (told["n"] % 2))
    folder = kept(bench, "flights/rows.parquet", frame).rpartition("/")[0]
    root = folder.rpartition("/")[0]
    return ClarifyRequest(data_uri=folder, output_uri=f"{root}/clarified", analysis=BIAS)


def over(block: SageMakerClarify, ref: OperationRef) -> ClarifyReport:
    until(lambda: block.status(ref).phase.done)
    status = block.status(ref)
    assert status.phase is Phase.SUCCEEDED, status.failure
    assert status.result is not None
    return status.result


def test_bias_of_labels_and_of_predictions_is_measured_near_the_data(
    bench: Any, block: SageMakerClarify, emulator: Account
) -> None:
    request = flights(bench)
    ref = block.submit(request, key=KEY)
    assert block.submit(request, key=KEY) == ref
    report = over(block, ref)
    found = {(each.of, each.metric): each.value for each in report.bias}
    assert found["labels", "CI"] == 0
    assert found["labels", "DPL"] == pytest.approx(0.6 - 0.4)
    assert found["predictions", "DPPL"] == pytest.approx(0.8 - 0.7)
    assert found["predictions", "DI"] == pytest.approx(0.7 / 0.8)
    assert {("labels", "CDDL"), ("predictions", "CDDPL")} <= {*found}
    assert {each.facet for each in report.bias} == {"carrier"}
    [treatment] = [each for each in report.bias if each.metric == "TE"]
    assert (treatment.value is None) == ("not defined" in treatment.why)
    assert bench.created("processing") == 1


def test_labels_alone_have_no_metrics_of_predictions(bench: Any, block: SageMakerClarify) -> None:
    plain = BIAS.model_copy(update={"predicted": "", "group": ""})
    request = flights(bench).model_copy(update={"analysis": plain})
    report = over(block, block.submit(request, key=KEY))
    assert {each.of for each in report.bias} == {"labels"}
    assert "CDDL" not in {each.metric for each in report.bias}


def test_a_model_is_explained_on_an_endpoint_that_is_gone_after(
    bench: Any, block: SageMakerClarify
) -> None:
    model = bench.connect(ModelRegistry).register(bench.model_draft(kind="threshold"), key=KEY)
    usual = pd.DataFrame({"x": [0.1], "n": [1]})
    explanation = Explanation(
        model=model,
        label="late",
        baseline_uri=kept(bench, "usual.parquet", usual),
        excluded=("carrier", "day", "prediction"),
    )
    request = flights(bench).model_copy(update={"analysis": explanation})
    report = over(block, block.submit(request, key=KEY))
    above = sum(each / 10 > 0.5 for each in range(10)) / 10  # of the rows, one answer differs
    assert report.importance == pytest.approx({"x": above, "n": 0.0})
    local = bench.connect(ObjectStore).read(f"{report.uri}/explanations_shap/out.csv").decode()
    assert local.splitlines()[0] == "x_label0,n_label0"
    assert len(local.splitlines()) == 1 + 20
    inventory = bench.connect(Inventory)
    until(lambda: {each.kind for each in inventory.owned()} <= {"processing-job"})
    assert {*JOB} <= {*bench.emulator.pull("actions", key=CONTAINERS)}
    assert bench.running() == []


def test_a_reply_that_is_lost_begins_one_analysis(
    bench: Any, block: SageMakerClarify, emulator: Account
) -> None:
    emulator.fault("lost-reply", call="sagemaker:CreateProcessingJob")
    ref = block.submit(flights(bench), key=KEY)
    over(block, ref)
    assert bench.created("processing") == 1


def test_what_is_not_there_is_told_before_there_is_a_job(
    bench: Any, block: SageMakerClarify, emulator: Account
) -> None:
    request = flights(bench)
    nowhere = request.model_copy(update={"data_uri": f"{request.data_uri}-nowhere"})
    with pytest.raises(InvalidRequest, match="nothing at"):
        block.submit(nowhere, key=KEY)
    unknown = block.submit(request, key=KEY).model_copy(update={"id": "bluewater-unknown"})
    with pytest.raises(NotFound):
        block.status(unknown)
    assert bench.created("processing") == 1


def test_an_analysis_can_be_stopped(bench: Any, block: SageMakerClarify) -> None:
    ref = block.submit(flights(bench), key=KEY)
    block.cancel(ref)
    until(lambda: block.status(ref).phase.done)
    assert block.status(ref).phase in (Phase.CANCELLED, Phase.SUCCEEDED)
    block.cancel(ref)
