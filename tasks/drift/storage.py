"""Profiles as bytes: a zip of plain arrays and a JSON header, readable without this code."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tasks.drift.axes import Axes, Axis
from tasks.drift.histogram import Histogram
from tasks.drift.levels import Levels
from tasks.drift.profile import Column, Profile
from tasks.drift.reference import ReferenceProfile

VERSION = 1
FORMAT = "bluewater drift profile"

Array = npt.NDArray[np.generic]


class UnreadableProfile(ValueError):
    """The bytes are no profile, or one of a version that this code does not know."""


def to_bytes(reference: ReferenceProfile) -> bytes:
    """Return the reference as an ``npz`` file, some kilobytes for each column and batch."""
    arrays: dict[str, Array] = {}
    for number, axis in enumerate(reference.axes.columns):
        columns = [profile.columns[axis.name] for profile in reference.batches.values()]
        for part, array in _packed(columns).items():
            arrays[f"{number}.{part}"] = array
    header = {
        "format": FORMAT,
        "version": VERSION,
        "model": reference.model,
        "batches": list(reference.batches),
        "axes": reference.axes.model_dump(mode="json"),
    }
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    return out.getvalue()


def from_bytes(content: bytes) -> ReferenceProfile:
    """Return the reference that was kept. Raises UnreadableProfile."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as kept:
            header = json.loads(kept["header"].tobytes())
            if header["format"] != FORMAT or header["version"] != VERSION:
                raise UnreadableProfile(
                    f"this is version {header['version']} of {header['format']}; this code reads "
                    f"version {VERSION} of {FORMAT}: profile the reference again"
                )
            axes = Axes.model_validate(header["axes"])
            columns = {
                axis.name: list(_unpacked(axis, number, kept))
                for number, axis in enumerate(axes.columns)
            }
    except UnreadableProfile:
        raise
    except (zipfile.BadZipFile, OSError, LookupError, TypeError, ValueError, EOFError) as error:
        raise UnreadableProfile(f"these bytes are no profile: {error}") from error
    batches = {
        name: Profile(axes=axes, columns={axis: columns[axis][at] for axis in axes.names})
        for at, name in enumerate(header["batches"])
    }
    return ReferenceProfile(axes=axes, batches=batches, model=header["model"])


def _packed(columns: Sequence[Column]) -> dict[str, Array]:
    """Put one column of all batches into few arrays: what is counted, counts, where each ends."""
    bins = [column for column in columns if isinstance(column, Histogram)]
    levels = [column for column in columns if isinstance(column, Levels)]
    if bins:
        keys: Array = np.concatenate([each.keys for each in bins])
        counts = np.concatenate([each.counts for each in bins])
        ends = np.cumsum([len(each.keys) for each in bins])
    else:
        texts = [text for each in levels for text in each.counts]
        keys = np.frombuffer(json.dumps(texts).encode(), dtype=np.uint8)
        counts = np.array([n for each in levels for n in each.counts.values()], dtype=np.int64)
        ends = np.cumsum([len(each.counts) for each in levels])
    return {
        "keys": keys,
        "counts": counts.astype(np.min_scalar_type(int(counts.max(initial=0)))),
        "ends": ends.astype(np.int64),
        "other": np.array([each.other for each in levels], dtype=np.int64),
        "missing": np.array([each.missing for each in columns], dtype=np.int64),
    }


def _unpacked(axis: Axis, number: int, kept: Mapping[str, Array]) -> Iterator[Column]:
    part = {name: kept[f"{number}.{name}"] for name in ("keys", "counts", "ends", "other")}
    counts = part["counts"].astype(np.int64)
    texts = [] if axis.numeric else json.loads(part["keys"].tobytes())
    start = 0
    for at, missing in enumerate(kept[f"{number}.missing"].tolist()):
        end = int(part["ends"][at])
        if axis.numeric:
            yield Histogram(
                keys=part["keys"][start:end].astype(np.uint16),
                counts=counts[start:end],
                missing=missing,
            )
        else:
            named = dict(zip(texts[start:end], counts[start:end].tolist(), strict=True))
            yield Levels(counts=named, other=int(part["other"][at]), missing=missing)
        start = end
