"""What a batch job keeps of each kind of answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from blocks.serving.batch import CannotScore, Scorer, score_file

CHANCES = np.array([[0.25, 0.25, 0.5], [0.5, 0.25, 0.25]])
NAMES = ["cat", "dog", "owl"]


def scored(folder: Path, predict: Callable[[pd.DataFrame], Any]) -> list[Any]:
    pd.DataFrame({"x": [1.0, 2.0]}).to_parquet(folder / "in.parquet")
    scorer = Scorer(digest="d", predict=predict, required=("x",), optional=())
    assert sum(score_file(scorer, folder / "in.parquet", folder / "out.parquet")) == 2
    found: list[Any] = pq.read_table(folder / "out.parquet")["prediction"].to_pylist()
    return found


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (np.array([-3.5, 250.0]), [-3.5, 250.0]),
        (pd.DataFrame({"minutes": [-3.5, 250.0]}), [-3.5, 250.0]),
        (np.array(["dog", "owl"]), ["dog", "owl"]),
        (
            pd.DataFrame({"minutes": [-3.5, 250.0], "delayed": [False, True]}),
            [{"minutes": -3.5, "delayed": False}, {"minutes": 250.0, "delayed": True}],
        ),
        (CHANCES, CHANCES.tolist()),
        (
            pd.DataFrame(CHANCES, columns=NAMES),
            [dict(zip(NAMES, row, strict=True)) for row in CHANCES.tolist()],
        ),
    ],
)
def test_quantities_classes_and_chances_are_kept(
    tmp_path: Path, answer: Any, kept: list[Any]
) -> None:
    assert scored(tmp_path, lambda frame: answer) == kept


def test_chances_of_too_few_rows_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotScore, match="1 predictions of 2 rows"):
        scored(tmp_path, lambda frame: pd.DataFrame(CHANCES[:1], columns=NAMES))
