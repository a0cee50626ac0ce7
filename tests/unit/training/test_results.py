"""What a job found can be read back, whatever its numbers are."""

from __future__ import annotations

import math

from blocks.contracts import TrainingResult


def test_a_metric_that_is_no_number_does_not_make_a_result_unreadable() -> None:
    found = TrainingResult(model_uri="file:///m", metrics={"loss": math.nan, "best": math.inf})
    again = TrainingResult.model_validate_json(found.model_dump_json())
    assert math.isnan(again.metrics["loss"])
    assert again.metrics["best"] == math.inf
