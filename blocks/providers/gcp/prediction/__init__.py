"""Vertex AI's own batch prediction jobs: data sets scored by several machines at once."""

from blocks.registry import Provider

PROVIDER = Provider(
    name="gcp-batch-prediction",
    title="Google Vertex AI batch prediction",
    extra="gcp",
    capabilities={"batch": "blocks.providers.gcp.prediction.batch:VertexBatchPrediction"},
    beside="gcp",
    bench="blocks.providers.gcp.prediction.bench:BatchPredictionBench",
    words="blocks.providers.gcp.prediction.words:WORDS",
)
