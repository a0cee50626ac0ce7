"""Whether the label is the truth of what is asked for, in every data set alike.

That a column holds 0 and 1 is told by footers. Of any other the values are read, that one column
alone: which classes there are, and whether each data set has them, cannot be seen otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from blocks.contracts import ObjectStore, ProviderError
from tasks.data import DataSpec, ProblemType
from tasks.evaluation.metrics import FIGURES, Undefined, metric_of
from tasks.labels import BINARY, BadLabel, Label, label_from
from tasks.specification.columns import footer_of, parts_of
from tasks.specification.problems import Problem, shown
from tasks.specification.spec import ReleaseSpec
from tasks.transfer.sources import Sources

ROWS = 1 << 16  # read at a time


def labels(spec: ReleaseSpec, store: ObjectStore) -> Iterator[Problem]:
    """Yield what is wrong with the label, and with what is asked of a model of its kind."""
    data, found = spec.data, dict[str, Label]()
    for part, uri in parts_of(data).items():
        footer = footer_of(store, uri)
        if footer is None or data.label not in footer.schema.to_arrow_schema().names:
            continue
        asked = data.problem_type
        if asked is None and part == "recent" and "holdout" in found:
            asked = found["holdout"].problem_type  # evaluation takes it for the same
        try:
            found[part] = _label(store, data, uri, footer, asked)
        except BadLabel as error:
            yield _problem(data, f"in data.{part} it holds {error}", error.remedy)
        except (ProviderError, OSError, ValueError):
            continue  # reported by the check of the objects, or by validation with the rows
    yield from _alike(data, found)
    if "train" in found:
        yield from _asked(spec, found["train"].problem_type)


def _label(
    store: ObjectStore, data: DataSpec, uri: str, footer: pq.FileMetaData, asked: ProblemType | None
) -> Label:
    """Return what the label of a data set is. Raises BadLabel."""
    if asked in {None, ProblemType.BINARY}:
        ends = _ends(footer, data.label)
        if ends is not None and ends[0] >= 0 and ends[1] <= 1:
            if uri.endswith(".parquet") and ends[0] == ends[1]:
                raise BadLabel(f"one class alone, {shown(ends[0])}", "take rows of both classes")
            if _is_whole(footer, data.label):
                return BINARY
    return label_from(_values(store, uri, data.label), asked)


def _ends(footer: pq.FileMetaData, label: str) -> tuple[float, float] | None:
    """Return the smallest and the largest value of a first file without gaps, if it tells them."""
    told = [
        group.column(at).statistics
        for group in map(footer.row_group, range(footer.num_row_groups))
        for at in range(group.num_columns)
        if group.column(at).path_in_schema == label
    ]
    if not told or any(
        each is None or not each.has_min_max or not each.has_null_count or each.null_count
        for each in told
    ):
        return None
    ends = [value for each in told for value in (each.min, each.max)]
    if not all(isinstance(value, int | float) for value in ends):
        return None
    return min(ends), max(ends)


def _is_whole(footer: pq.FileMetaData, label: str) -> bool:
    kind = footer.schema.to_arrow_schema().field(label).type
    return bool(pa.types.is_integer(kind) or pa.types.is_boolean(kind))


def _values(store: ObjectStore, uri: str, label: str) -> Iterator[pa.Array]:
    sources = Sources(store=store)
    for each in sources.walk(uri):
        if each.endswith(".parquet"):
            with sources.open(each) as file:
                for rows in pq.ParquetFile(file).iter_batches(ROWS, columns=[label]):
                    yield rows.column(0)


def _alike(data: DataSpec, found: dict[str, Label]) -> Iterator[Problem]:
    """Yield where data sets have other classes than those that are trained on."""
    trained = found.get("train")
    if trained is None:
        return
    for part, label in found.items():
        if label.problem_type is not trained.problem_type:
            shows = f"{label.problem_type} in data.{part}, {trained.problem_type} in data.train"
            yield _problem(data, f"it shows {shows}", "say which by data.problem_type")
            continue
        if new := [name for name in label.classes if name not in trained.classes]:
            problem = f"data.{part} has the class {new[0]!r}, which data.train lacks"
            yield _problem(data, problem, "train on rows of each class, or leave those out")
        lost = [name for name in trained.classes if name not in label.classes]
        if lost and part == "holdout":
            problem = f"data.holdout lacks the class {lost[0]!r}, which data.train has"
            yield _problem(data, problem, "keep some rows of each class from training")


def _asked(spec: ReleaseSpec, kind: ProblemType) -> Iterator[Problem]:
    evaluation = spec.evaluation
    try:
        metric_of(evaluation.metric, kind)
    except Undefined as error:
        yield Problem(
            field="evaluation.metric",
            value=shown(str(evaluation.metric)),
            problem=str(error),
            remedy="change it, or leave it out",
        )
    for name in evaluation.limits:
        if name not in FIGURES[kind]:
            yield Problem(
                field=f"evaluation.limits.{name}",
                value=shown(evaluation.limits[name]),
                problem=f"it is no figure of {kind}",
                remedy=f"name one of {', '.join(FIGURES[kind])}"
                if FIGURES[kind]
                else "of two classes there is evaluation.least_auc",
            )
    if kind is ProblemType.REGRESSION and evaluation.calibration_limit is not None:
        yield Problem(
            field="evaluation.calibration_limit",
            value=shown(evaluation.calibration_limit),
            problem="a quantity has no calibration of chances",
            remedy="leave it out; evaluation.limits may have a limit of the bias",
        )


def _problem(data: DataSpec, problem: str, remedy: str) -> Problem:
    return Problem(field="data.label", value=data.label, problem=problem, remedy=remedy)
