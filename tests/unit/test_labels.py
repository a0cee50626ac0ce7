"""What a label is, told from its values, and what can be none."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tasks.data import ProblemType
from tasks.labels import BadLabel, label_from


def told(*chunks: Any, asked: ProblemType | None = None) -> tuple[ProblemType, tuple[str, ...]]:
    label = label_from([pa.array(chunk) for chunk in chunks], asked)
    return label.problem_type, label.classes


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1, 1], ProblemType.BINARY),
        ([0.0, 1.0], ProblemType.BINARY),
        ([True, False], ProblemType.BINARY),
        ([-3.5, 120.0, 7.0], ProblemType.REGRESSION),
    ],
)
def test_a_label_is_what_its_values_show(values: list[Any], kind: ProblemType) -> None:
    assert told(values) == (kind, ())


def test_texts_and_whole_numbers_that_are_called_so_are_classes_in_order() -> None:
    assert told(["b", "a"], ["c", "a"])[1] == ("a", "b", "c")
    assert told([10, 9, 2], asked=ProblemType.MULTICLASS)[1] == ("2", "9", "10")
    assert told([3.0, 1.0, 2.0], asked=ProblemType.MULTICLASS)[1] == ("1", "2", "3")
    dictionary = pa.array(["x", "y", "z"]).dictionary_encode()
    assert label_from([dictionary], None).classes == ("x", "y", "z")


def test_whole_numbers_are_a_quantity_where_they_are_called_so() -> None:
    assert told([1, 2, 50], asked=ProblemType.REGRESSION)[0] is ProblemType.REGRESSION


@pytest.mark.parametrize(
    ("values", "asked", "said", "remedy"),
    [
        ([1, 2, 3], None, "whole numbers", "data.problem_type"),
        ([0.5, 0.25], None, "fractions of 0 to 1", "data.problem_type"),
        ([0.5, None], None, "without a value", "leave those rows out"),
        ([0.5, float("nan")], None, "without a value", "leave those rows out"),
        ([0.5, float("inf")], ProblemType.REGRESSION, "not finite", "limit"),
        ([7.5, 7.5], ProblemType.REGRESSION, "one value alone, 7.5", "differ"),
        (["a", "b"], ProblemType.REGRESSION, "type text", "numbers"),
        (["late", "on time", "Late"], None, "both 'Late' and 'late'", "in one way"),
        (["yes", "no"], None, "2 classes (no, yes)", "0 and 1"),
        ([1.5, 2.0, 3.0], ProblemType.MULTICLASS, "values from 1.5 to 3.0", "whole numbers"),
        (["a", "b", "c"], ProblemType.BINARY, "type text", "0 and 1"),
        ([0, 2], ProblemType.BINARY, "values from 0 to 2", "0 and 1"),
        (list(range(2000)), ProblemType.MULTICLASS, "more than 1000 classes", "quantity"),
        ([date(2026, 1, 1)], None, "type date32", "0 and 1"),
        ([date(2026, 1, 1)], ProblemType.BINARY, "type date32", "0 and 1"),
    ],
)
def test_a_column_that_can_be_no_truth_is_refused_with_a_remedy(
    values: list[Any], asked: ProblemType | None, said: str, remedy: str
) -> None:
    with pytest.raises(BadLabel) as refused:
        told(values, asked=asked)
    assert said in str(refused.value)
    assert remedy in refused.value.remedy


def test_a_value_of_no_class_is_refused() -> None:
    label = label_from([pa.array(["a", "b", "c"])], None)
    np.testing.assert_array_equal(label.truth(["c", "a"]), [2, 0])
    with pytest.raises(BadLabel, match="the class 'd'"):
        label.truth(["a", "d"])
