"""Feature Store's offline half: what is put is kept for good, as Parquet in S3, minutes later.

https://docs.aws.amazon.com/sagemaker/latest/dg/feature-store-offline.html
"""

from __future__ import annotations

import io
import threading
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from blocks.providers.aws.emulator.feature_groups import Group
from blocks.providers.aws.emulator.world import World

AFTER = 300.0  # seconds; the real one takes up to fifteen minutes
_TYPES = {"Integral": pa.int64(), "Fractional": pa.float64(), "String": pa.string()}
_READ = {"Integral": int, "Fractional": float, "String": str}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A record that waits to be written."""

    record: Mapping[str, str]
    at: float  # its event time
    came: float
    gone: bool


class OfflineStore:
    """Gathers what comes within some minutes into one file for each hour of its event times."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: dict[str, list[_Kept]] = {}  # by the group's folder

    def keep(self, group: Group, record: Mapping[str, str], *, at: float, gone: bool) -> None:
        """Keep a record for good; the first that waits makes a file due. Hold the world's lock."""
        kept = _Kept(record=record, at=at, came=self._world.clock.now(), gone=gone)
        if group.offline not in self._waiting:
            self._waiting[group.offline] = []
            threading.Thread(target=self._write_later, args=(group,), daemon=True).start()
        self._waiting[group.offline].append(kept)

    def _write_later(self, group: Group) -> None:
        clock = self._world.clock
        if clock.wait(self._world.closing, until=clock.now() + AFTER):
            return
        with self._world.lock:
            rows = self._waiting.pop(group.offline)
        hours: dict[str, list[_Kept]] = defaultdict(list)
        for each in rows:
            moment = datetime.fromtimestamp(each.at, UTC)
            hours[f"{moment:year=%Y/month=%m/day=%d/hour=%H}"].append(each)
        for place, some in hours.items():
            newest = datetime.fromtimestamp(max(each.at for each in some), UTC)
            file = f"{newest:%Y%m%dT%H%M%SZ}_{uuid.uuid4().hex[:16]}.parquet"
            name = f"{group.offline}/{place}/{file}"
            self._world.objects.write(name, _parquet(group, some, clock.now()))


def _parquet(group: Group, rows: Sequence[_Kept], now: float) -> bytes:
    columns = {
        name: pa.array(
            [_READ[kind](row.record[name]) if name in row.record else None for row in rows],
            _TYPES[kind],
        )
        for name, kind in group.types.items()
    }
    stamp = pa.timestamp("ms", tz="UTC")
    columns["write_time"] = pa.array([datetime.fromtimestamp(now, UTC)] * len(rows), stamp)
    came = [datetime.fromtimestamp(row.came, UTC) for row in rows]
    columns["api_invocation_time"] = pa.array(came, stamp)
    columns["is_deleted"] = pa.array([row.gone for row in rows])
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()
