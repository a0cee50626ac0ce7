"""Whether the data have the columns that a specification names, as far as footers tell it."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.parquet as pq

from blocks.contracts import ObjectStore, ProviderError
from tasks.data import DataSpec
from tasks.specification.problems import Problem, shown
from tasks.transfer.sources import Sources


def columns(data: DataSpec, cluster: str | None, store: ObjectStore) -> Iterator[Problem]:
    """Yield what is wrong with the columns of each data set. No row is read."""
    wanted = {"data.label": data.label}
    wanted |= {f"data.slices.{number}": name for number, name in enumerate(data.slices)}
    if cluster:
        wanted["evaluation.cluster"] = cluster
    for part, uri in {"train": data.train, "holdout": data.holdout, "recent": data.recent}.items():
        if uri is None or (footer := _footer_of(store, uri)) is None:
            continue
        fields = {**wanted, "data.batch": data.batch} if part == "train" else wanted
        there = footer.schema.to_arrow_schema().names
        for field, name in fields.items():
            if name and name not in there:
                yield Problem(
                    field=field,
                    value=name,
                    problem=f"data.{part} has no such column",
                    remedy=f"use one of {', '.join(there)}",
                )
        if data.label in there:
            yield from _label(footer, data.label, part, alone=uri.endswith(".parquet"))


def _label(footer: pq.FileMetaData, label: str, part: str, *, alone: bool) -> Iterator[Problem]:
    """Yield a problem where the footer shows that the label is not the truth of two classes.

    That one class is lacking can be told only of a file that is ``alone``, the whole data set.
    """
    problem = _no_truth(footer, label, alone=alone)
    if problem:
        yield Problem(
            field="data.label",
            value=label,
            problem=f"in data.{part} it holds {problem}",
            remedy="name a column of 0 and 1 without gaps: models of two classes are compared here",
        )


def _no_truth(footer: pq.FileMetaData, label: str, *, alone: bool) -> str:
    """Return what a column holds that no label may, or "" for nothing that can be seen."""
    kind = footer.schema.to_arrow_schema().field(label).type
    if str(kind) in {"string", "large_string"} or str(kind).startswith(("dict", "timestamp")):
        return f"values of type {kind}"
    found = [
        group.column(at).statistics
        for group in map(footer.row_group, range(footer.num_row_groups))
        for at in range(group.num_columns)
        if group.column(at).path_in_schema == label
    ]
    told = [each for each in found if each is not None]
    if any(each.has_null_count and each.null_count for each in told):
        return "rows without a value"
    ends = [value for each in told if each.has_min_max for value in (each.min, each.max)]
    if not ends or len(told) < len(found):
        return ""
    if min(ends) < 0 or max(ends) > 1:
        return f"values from {shown(min(ends))} to {shown(max(ends))}"
    return f"one class alone, {shown(min(ends))}" if alone and min(ends) == max(ends) else ""


def _footer_of(store: ObjectStore, uri: str) -> pq.FileMetaData | None:
    """Return the footer of a data set's first file, or None where that is no question of this."""
    try:
        sources = Sources(store=store)
        first = next((each for each in sources.walk(uri) if each.endswith(".parquet")), None)
        if first is None:
            return None
        with sources.open(first) as file:
            return pq.read_metadata(file)
    except (ProviderError, OSError, ValueError):
        return None  # reported by the check of the objects, or by validation with the rows
