"""What watching needs of the rows of a training: their profile by batch, and some of them.

All of them are seen at once, or shares of the files by whoever is near; joined, it is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from blocks.contracts import ObjectInfo, ObjectStore
from tasks.batches import in_order
from tasks.drift.profile import Profile, merged
from tasks.drift.reading import batches, rows_of
from tasks.drift.reference import Layout, ReferenceProfile, reference_from
from tasks.drift.rows import RowSample
from tasks.watch.traffic import shares

SAMPLE = 4_000  # training rows that current ones are told from


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Some of the files, and how many rows are in those before."""

    objects: Sequence[ObjectInfo]
    first: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What there was in a share."""

    profile: ReferenceProfile
    sample: RowSample


See = Callable[[ObjectStore, Sequence[ObjectInfo], Layout], Seen]


def here(store: ObjectStore, objects: Sequence[ObjectInfo], layout: Layout) -> Seen:
    """See all of the rows on this machine."""
    return seen(Share(objects=objects, first=0), store=store, layout=layout)


def seen(share: Share, *, store: ObjectStore, layout: Layout) -> Seen:
    """See the rows of a share, in one pass and constant memory."""
    sample = RowSample(SAMPLE, first=share.first)

    def passing() -> Iterator[pa.RecordBatch]:
        for rows in batches(store, share.objects, layout.wanted):
            sample.add(rows)
            yield rows

    profile = reference_from(layout.parts(passing(), first=share.first), layout.axes)
    return Seen(profile=profile, sample=sample)


def shared(
    store: ObjectStore, objects: Sequence[ObjectInfo], *, most: int | None = None
) -> Iterator[Share]:
    """Yield the files in shares, in order, each of about so many bytes."""
    first = 0
    for share in shares(objects) if most is None else shares(objects, most=most):
        yield Share(objects=tuple(share), first=first)
        first += rows_of(store, share)


def joined(parts: Iterable[Seen], layout: Layout) -> Seen:
    """Return what there is in all shares, which come in order."""
    sample, profiles = RowSample(SAMPLE), dict[str, list[Profile]]()
    for part in parts:
        sample.join(part.sample)
        for name, profile in part.profile.batches.items():
            profiles.setdefault(name, []).append(profile)
    by_batch = {name: merged(profiles[name]) for name in in_order(profiles)}
    return Seen(profile=ReferenceProfile(axes=layout.axes, batches=by_batch), sample=sample)
