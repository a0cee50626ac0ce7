"""SageMaker Clarify's analyses in its SDK's words, and what it found in ours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from blocks.contracts import Frozen, ModelVersion
from blocks.providers.aws.sdk import part

PARQUET = "application/x-parquet"
SCORES = "predictions"  # where our servers put their answers
OF_LABELS = ("CI", "DPL", "KL", "JS", "LP", "TVD", "KS")
OF_PREDICTIONS = ("DPPL", "DI", "DCA", "DCR", "RD", "DAR", "DRR", "AD", "TE")
_WITHIN = ("CDDL", "CDDPL")  # of labels and of predictions, within the values of a third column
_STAGES = {"pre_training_bias_metrics": "labels", "post_training_bias_metrics": "predictions"}


class Bias(Frozen):
    """Whether some rows of a data set, or what is predicted for them, fare worse than others."""

    label: str
    good: tuple[bool | int | float | str, ...] = Field(
        min_length=1, description="Values of the label that are to one's advantage."
    )
    facet: str = Field(description="The column that tells whose row it is.")
    sensitive: tuple[bool | int | float | str, ...] = Field(
        min_length=1, description="Its values for those who might fare worse."
    )
    group: str = Field(default="", description="A column within whose values to compare as well.")
    predicted: str = Field(default="", description="The column of predictions, if there is one.")


class Explanation(Frozen):
    """What a model's answers hang on, by Kernel SHAP; it is asked on an endpoint that Clarify has.

    ``baseline_uri`` is a Parquet file with a few usual rows, of the features alone.
    """

    model: ModelVersion
    label: str
    baseline_uri: str = Field(pattern=r"^s3://")
    excluded: tuple[str, ...] = Field(default=(), description="Columns the model is not told.")
    machine: str = Field(default="ml.m5.large", description="Machine of that endpoint.")


class ClarifyRequest(Frozen):
    """One analysis of a data set of Parquet files in S3."""

    data_uri: str = Field(pattern=r"^s3://")
    output_uri: str = Field(pattern=r"^s3://")
    analysis: Bias | Explanation
    machine: str = Field(default="ml.m5.large", description="Machine of the job.")
    max_duration: timedelta = Field(default=timedelta(hours=1), gt=timedelta(0))


class BiasMetric(Frozen):
    """One measure of how two groups of rows differ; None where it is not defined."""

    of: str  # labels or predictions
    metric: str
    facet: str
    sensitive: str
    value: float | None
    why: str = ""  # it is not defined


class ClarifyReport(Frozen):
    """What an analysis came to; ``uri`` has the report for the eye, and each row's values."""

    uri: str
    bias: tuple[BiasMetric, ...] = ()
    importance: Mapping[str, float] = {}  # mean of what a feature adds to or takes from an answer


def to_data_config(request: ClarifyRequest, *, config_uri: str) -> Any:
    """Return where the rows are, what they are, and where the report goes."""
    analysis = request.analysis
    excluded = analysis.excluded if isinstance(analysis, Explanation) else ()
    predicted = analysis.predicted if isinstance(analysis, Bias) else ""
    return part("core.clarify:DataConfig")(
        s3_data_input_path=request.data_uri,
        s3_output_path=request.output_uri.rstrip("/"),
        s3_analysis_config_output_path=config_uri,
        label=analysis.label,
        dataset_type=PARQUET,
        predicted_label=predicted or None,
        excluded_columns=list(excluded) or None,
    )


def to_bias_config(bias: Bias) -> Any:
    """Return who is compared with whom, and by what."""
    return part("core.clarify:BiasConfig")(
        label_values_or_threshold=list(bias.good),
        facet_name=bias.facet,
        facet_values_or_threshold=list(bias.sensitive),
        group_name=bias.group or None,
    )


def methods_of(bias: Bias) -> tuple[list[str], list[str]]:
    """Return the metrics of labels to be computed, and those of predictions."""
    within = [[each] if bias.group else [] for each in _WITHIN]
    return [*OF_LABELS, *within[0]], [*OF_PREDICTIONS, *within[1]]


def to_model_config(explanation: Explanation, *, model: str, prefix: str) -> Any:
    """Return how the model is asked: as our servers are."""
    return part("core.clarify:ModelConfig")(
        model_name=model,
        instance_count=1,
        instance_type=explanation.machine,
        endpoint_name_prefix=prefix,
        content_type="application/json",
        accept_type="application/json",
        content_template='{"dataframe_records": $records}',
        record_template="$features_kvp",
    )


def to_shap_config(explanation: Explanation) -> Any:
    """Return how the model's answers are taken apart."""
    baseline = explanation.baseline_uri
    return part("core.clarify:SHAPConfig")(baseline=baseline, agg_method="mean_abs")


def from_analysis(text: bytes | None, *, uri: str) -> ClarifyReport:
    """Return what ``analysis.json`` tells."""
    found = json.loads(text) if text else {}
    kernel = found.get("explanations", {}).get("kernel_shap", {})
    shares: Mapping[str, float] = next((each["global_shap_values"] for each in kernel.values()), {})
    return ClarifyReport(uri=uri, bias=tuple(_metrics(found)), importance=shares)


def _metrics(found: Mapping[str, Any]) -> Iterator[BiasMetric]:
    for stage, of in _STAGES.items():
        for facet, groups in found.get(stage, {}).get("facets", {}).items():
            for group in groups:
                for each in group["metrics"]:
                    yield BiasMetric(
                        of=of,
                        metric=each["name"],
                        facet=facet,
                        sensitive=str(group["value_or_threshold"]),
                        value=each.get("value"),
                        why=each.get("error", ""),
                    )
