"""Whether the data have the columns that a specification names, as far as footers tell it."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow.parquet as pq

from blocks.contracts import ObjectStore, ProviderError
from tasks.data import DataSpec
from tasks.specification.problems import Problem
from tasks.specification.spec import ReleaseSpec
from tasks.transfer.sources import Sources


def columns(spec: ReleaseSpec, store: ObjectStore) -> Iterator[Problem]:
    """Yield what is wrong with the columns of each data set, as far as footers tell it."""
    data = spec.data
    wanted = {"data.label": data.label}
    wanted |= {f"data.slices.{number}": name for number, name in enumerate(data.slices)}
    if spec.evaluation.cluster:
        wanted["evaluation.cluster"] = spec.evaluation.cluster
    for part, uri in parts_of(data).items():
        if (footer := footer_of(store, uri)) is None:
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


def parts_of(data: DataSpec) -> dict[str, str]:
    """Return the data sets that are there, by the field that names each."""
    parts = {"train": data.train, "holdout": data.holdout, "recent": data.recent}
    return {part: uri for part, uri in parts.items() if uri is not None}


def footer_of(store: ObjectStore, uri: str) -> pq.FileMetaData | None:
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
