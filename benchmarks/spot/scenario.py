"""Jobs on recorded spot markets."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ASIA, CONTINENTS = "asia", ("us", "europe", "asia")


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One zone through the window of a job, and before."""

    name: str
    up: NDArray[np.bool_]  # by tick of the window
    spot: NDArray[np.float64]  # $ per hour, by tick
    on_demand: float
    before: NDArray[np.bool_]  # by tick, up to the start of the window


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One job: work, deadline and overhead in hours."""

    kind: str
    bundle: str
    zones: tuple[Zone, ...]
    gap: float  # hours of a tick
    work: float
    overhead: float
    egress: Mapping[tuple[str, str], float]
    whole_ticks: bool = False  # the last tick is billed whole
    reference: Mapping[str, float]

    @property
    def ticks(self) -> int:
        return len(self.zones[0].up)


def scenarios(folder: Path) -> Iterator[Scenario]:
    for told in _read(folder / "scenarios.json.gz")["scenarios"]:
        bundle = _read(folder / f"{told['bundle']}.json.gz")["traces"]
        gap = bundle[told["zones"][0]]["gap_seconds"]
        ticks = math.floor(told["deadline_h"] * 3600 / gap + 1e-9)
        start = told["start"]
        zones = [
            _zone(name, bundle[name], start, ticks, told["gang"], remember=True)
            for name in told["zones"]
        ]
        yield Scenario(
            kind=told["kind"],
            bundle=told["bundle"],
            zones=tuple(zones),
            gap=gap / 3600,
            work=told["work_h"],
            overhead=told["overhead_h"],
            egress=_egress(told["zones"], bundle, told.get("ckpt_gb", 0.0)),
            reference=told["ref"],
        )


def windows(folder: Path, name: str) -> Iterator[Scenario]:
    """Yield the jobs of a published set, ``setA`` or ``setB``; there is no history before them."""
    told = _read(folder / "adrs_windows.json.gz")[name]
    bundle = _read(folder / "aws_2022.json.gz")["traces"]
    for series, starts in told["starts"].items():
        trace = bundle[series]
        gap = trace["gap_seconds"]
        for start in starts:
            for deadline in told["deadlines_h"]:
                ticks = math.floor(deadline * 3600 / gap + 1e-9)
                zone = _zone(series, trace, start, ticks, 1, remember=False)
                for overhead in told["overheads_h"]:
                    yield Scenario(
                        kind=name,
                        bundle="aws_2022",
                        zones=(zone,),
                        gap=gap / 3600,
                        work=48.0,
                        overhead=overhead,
                        egress={},
                        whole_ticks=True,
                        reference={},
                    )


@cache
def _read(file: Path) -> Any:
    return json.loads(gzip.decompress(file.read_bytes()))


def _zone(
    name: str, trace: Mapping[str, Any], start: int, ticks: int, gang: int, *, remember: bool
) -> Zone:
    up = np.asarray(trace["data"]) >= gang
    return Zone(
        name=name,
        up=up[start : start + ticks],
        spot=_prices(trace)[start : start + ticks],
        on_demand=trace["p_od"],
        before=up[:start] if remember else up[:0],
    )


def _prices(trace: Mapping[str, Any]) -> NDArray[np.float64]:
    count = len(trace["data"])
    if "p_spot_changes" not in trace:
        return np.full(count, float(trace["p_spot"]))
    ticks, prices = zip(*trace["p_spot_changes"], strict=True)
    at = np.searchsorted(np.asarray(ticks), np.arange(count), side="right") - 1
    return np.asarray(prices, dtype=float)[at]


def _egress(
    names: Sequence[str], bundle: Mapping[str, Any], gigabytes: float
) -> Mapping[tuple[str, str], float]:
    zones = {name: bundle[name]["zone"] for name in names}
    return {
        (a, b): gigabytes * _per_gigabyte(zones[a], zones[b])
        for a in names
        for b in names
        if a != b
    }


def _per_gigabyte(origin: str, to: str) -> float:
    if _region(origin) == _region(to):
        return 0.01
    continents = {origin.split("-", maxsplit=1)[0], to.split("-", maxsplit=1)[0]}
    if ASIA in continents and len(continents) > 1:
        return 0.08
    return 0.02 if len(continents) == 1 else 0.05


def _region(zone: str) -> str:
    return zone.rpartition("-")[0] if zone[-2] == "-" else zone[:-1]
