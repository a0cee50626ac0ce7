"""Samples of metrics in a bucket: an object for each day of what was recorded at once.

Its name is made from its content, so what is recorded twice is kept once.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from blocks.cloud.bucket import Bucket
from blocks.contracts import Frozen, Sample, Window


class _Kept(Frozen):
    labels: Mapping[str, str]
    samples: tuple[Sample, ...]


class Samples:
    """The samples below one folder."""

    def __init__(self, bucket: Bucket, folder: str) -> None:
        self._bucket, self._folder = bucket, folder

    def add(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        """Keep samples."""
        days: dict[str, list[Sample]] = defaultdict(list)
        for sample in sorted(samples, key=lambda each: (each.at, each.value)):
            days[_day(sample.at)].append(sample)
        for day, those in days.items():
            kept = _Kept(labels=dict(sorted(labels.items())), samples=tuple(those))
            content = kept.model_dump_json().encode()
            name = hashlib.sha256(content).hexdigest()[:32]
            self._bucket.write(f"{self._of(metric)}/{day}/{name}.json", content)

    def between(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        """Return the samples in the window that have all these labels, oldest first."""
        found = set()
        for each in self._bucket.below(self._of(metric), after=_day(window.start)):
            if each.name[:10] > _day(window.end):
                break
            content = self._bucket.read(each.uri)
            kept = _Kept.model_validate_json(content[0]) if content else None
            if kept is None or not labels.items() <= dict(kept.labels).items():
                continue
            whose = json.dumps(dict(kept.labels), sort_keys=True)
            found |= {(one.at, whose, one.value) for one in kept.samples}
        inside = [each for each in sorted(found) if window.start <= each[0] < window.end]
        return [Sample(at=at, value=value) for at, _, value in inside]

    def _of(self, metric: str) -> str:
        return f"{self._folder}/{quote(metric, safe='')}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d}"
