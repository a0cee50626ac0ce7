"""What each policy did on each job, kept in a file: a run that was stopped goes on from there."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.spot.simulator import Run

OPTIMUM = "optimum"
Found = Mapping[str, Run | float]  # by policy; the optimum is a cost


class Kept:
    """A line of JSON for each job: its number, and what was found of it."""

    def __init__(self, file: Path, again: Collection[str] = ()) -> None:
        self._file = file
        self._found: dict[int, dict[str, Run | float]] = defaultdict(dict)
        for line in file.read_text().splitlines() if file.exists() else ():
            number, found = json.loads(line)
            self._found[number].update(
                (name, Run(**told) if isinstance(told, dict) else told)
                for name, told in found.items()
                if name not in again
            )
        if again:
            lines = [_line(number, found) for number, found in self._found.items()]
            file.write_text("".join(lines))

    def missing(self, number: int, names: Sequence[str]) -> list[str]:
        """Return what of these is not known of a job."""
        return [name for name in names if name not in self._found[number]]

    def add(self, number: int, found: Found) -> None:
        """Take in what was found, and write it down at once."""
        self._found[number].update(found)
        with self._file.open("a") as file:
            file.write(_line(number, found))

    def told(self, number: int) -> tuple[float, Mapping[str, Run]]:
        """Return the optimum of a job, and how the policies did."""
        found = self._found[number]
        best = found[OPTIMUM]
        assert not isinstance(best, Run)
        return best, {name: each for name, each in found.items() if isinstance(each, Run)}


def _line(number: int, found: Found) -> str:
    plain = {n: asdict(each) if isinstance(each, Run) else each for n, each in found.items()}
    return json.dumps([number, plain]) + "\n"
