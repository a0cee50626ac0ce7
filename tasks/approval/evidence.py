"""What somebody who says yes should have seen, on one page."""

from __future__ import annotations

from blocks.contracts import ModelVersion
from tasks.costs.forecast import Forecast
from tasks.evaluation.report import EvaluationReport


def evidence(model: ModelVersion, evaluation: EvaluationReport, costs: Forecast) -> str:
    """Return a page of markdown, without pictures: a form shows none of a private store."""
    lines = [line for line in evaluation.markdown().splitlines() if not line.startswith("![")]
    where = f"[{model.name}, version {model.version}]({model.url})" if model.url else model.name
    month = "unknown" if costs.per_month is None else str(costs.per_month)
    fleet = "unknown" if costs.rollout is None else str(costs.rollout)
    head = [
        f"**Shall {where} get traffic?** The rollout goes step by step and returns by itself; a "
        f"second fleet costs {fleet} meanwhile, the endpoint {month} a month.",
        "",
    ]
    return "\n".join([*head, *lines])
