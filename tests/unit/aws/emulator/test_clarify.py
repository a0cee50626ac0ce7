"""The figures of the emulated Clarify, against the formulas that AWS publishes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blocks.providers.aws.clarify_calls import OF_LABELS, OF_PREDICTIONS
from blocks.providers.aws.emulator.clarify_bias import Rows, measured
from blocks.providers.aws.emulator.clarify_shap import shapley

# Of ten others six are labelled well and seven predicted well, five of them rightly; of five
# sensitive ones two are labelled well, and one of these two alone is predicted so, and no other.
OTHERS = ([1] * 6 + [0] * 4, [1] * 5 + [0] + [1] * 2 + [0] * 2)
SENSITIVE = ([1, 1, 0, 0, 0], [1, 0, 0, 0, 0])


def flags(values: Sequence[int]) -> Any:
    return np.array(values, dtype=bool)


ROWS = Rows(
    sensitive=flags([0] * 10 + [1] * 5),
    positive=flags(OTHERS[0] + SENSITIVE[0]),
    predicted=flags(OTHERS[1] + SENSITIVE[1]),
    group=np.array(["a"] * 15),
)

BY_HAND = {
    "CI": (10 - 5) / 15,
    "DPL": 6 / 10 - 2 / 5,
    "TVD": 0.2,
    "KS": 0.2,
    "LP": 0.2 * 2**0.5,
    "DPPL": 7 / 10 - 1 / 5,
    "DI": (1 / 5) / (7 / 10),
    "DCA": 6 / 7 - 2 / 1,
    "DCR": 3 / 4 - 4 / 3,
    "RD": 5 / 6 - 1 / 2,
    "DAR": 5 / 7 - 1 / 1,
    "DRR": 3 / 4 - 2 / 3,
    "AD": 7 / 10 - 4 / 5,
    "CDDL": 3 / 7 - 2 / 8,
    "CDDPL": 4 / 7 - 1 / 8,
}


def test_each_metric_of_bias_is_what_its_formula_says() -> None:
    found = {each["name"]: each["value"] for each in measured([*BY_HAND], ROWS)}
    assert found == pytest.approx(BY_HAND)
    both = {each["name"]: each["value"] for each in measured(["KL", "JS"], ROWS)}
    assert 0 < both["JS"] < both["KL"]
    assert {*OF_LABELS, *OF_PREDICTIONS} <= {*BY_HAND, "KL", "JS", "TE"}


def test_a_metric_that_is_not_defined_says_so() -> None:
    [told] = measured(["TE"], ROWS)  # no sensitive row was wrongly predicted well
    assert told["value"] is None
    assert "not defined" in told["error"]


def test_a_model_of_weights_is_explained_by_its_weights() -> None:
    def predict(rows: Sequence[Mapping[str, Any]]) -> Any:
        return np.array([3 * row["x"] - 2 * row["n"] for row in rows], dtype=float)

    baseline = pd.DataFrame({"x": [0.0, 1.0], "n": [1, 1], "note": ["a", "b"]})
    values = shapley(predict, {"x": 2.0, "n": 4, "note": "c"}, baseline)
    assert values == pytest.approx([3 * (2.0 - 0.5), -2 * (4 - 1), 0.0])
