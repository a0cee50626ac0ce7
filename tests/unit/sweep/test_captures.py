"""Captured requests are kept for as long as labels may come, and no longer."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from blocks.serving.capture_names import name_of
from tasks.rollout.journal import Entry, Event, Journal
from tasks.sweep.found import SweepReport
from tasks.sweep.places import Places
from tasks.sweep.removal import sweep_places
from tasks.sweep.spec import SweepSpec

NOW = datetime.now(UTC)


def capture(workspace: Path, age: timedelta) -> Path:
    """Leave a captured file of an endpoint that had a rollout once."""
    folder = workspace / "endpoints" / "flights" / "telemetry" / "captures"
    folder.mkdir(parents=True, exist_ok=True)
    moment = (NOW - age).timestamp()
    file = folder / f"{name_of(moment - 10, moment, 'a.1')}.parquet"
    file.write_bytes(b"x" * 100)
    os.utime(file, (moment, moment))
    return file


def swept(places: Places, *, remove: bool) -> SweepReport:
    return sweep_places(places, SweepSpec(), now=NOW, remove=remove, who="ann@here")


def test_old_captures_go_and_young_ones_stay(places: Places, tmp_path: Path) -> None:
    journal = Journal(places.store, "flights", by="test")
    journal.current()
    journal.append(Entry(number=0, at=NOW, run="r", by="", event=Event.FINISHED))
    workspace = tmp_path / "workspace"
    old = [capture(workspace, timedelta(days=days)) for days in (91, 200)]
    young = [capture(workspace, timedelta(days=days)) for days in (0, 89)]
    [found] = swept(places, remove=False).orphans
    assert (found.kind, found.name, found.size) == ("captures", "flights", 200)
    assert all(file.exists() for file in (*old, *young))
    assert swept(places, remove=True).removed == ("captures flights",)
    assert not any(file.exists() for file in old)
    assert all(file.exists() for file in young)
