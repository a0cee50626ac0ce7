"""Samples of metrics, one file per metric, appended whole lines; the same sample counts once."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from blocks.contracts import Frozen, Sample, Window


class _Kept(Frozen):
    sample: Sample
    labels: Mapping[str, str]


class Samples:
    """The samples below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, metric: str, samples: Sequence[Sample], labels: Mapping[str, str]) -> None:
        """Append samples; who reads sees all of them or none of this call's."""
        lines = [_Kept(sample=each, labels=labels).model_dump_json() + "\n" for each in samples]
        with self._file(metric).open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            file.truncate(_whole(file.read()))
            file.write("".join(lines).encode())

    def between(self, metric: str, window: Window, labels: Mapping[str, str]) -> Sequence[Sample]:
        """Return the samples in the window that have all these labels, oldest first."""
        try:
            with self._file(metric).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                content = file.read()
        except FileNotFoundError:
            return []
        found = {
            (json.dumps(dict(kept.labels), sort_keys=True), kept.sample.at, kept.sample.value)
            for kept in map(_Kept.model_validate_json, content[: _whole(content)].splitlines())
            if window.start <= kept.sample.at < window.end
            and labels.items() <= dict(kept.labels).items()
        }
        ordered = sorted(found, key=lambda one: (one[1], one[0], one[2]))
        return [Sample(at=at, value=value) for _, at, value in ordered]

    def _file(self, metric: str) -> Path:
        return self._folder / f"{quote(metric, safe='')}.jsonl"


def _whole(content: bytes) -> int:
    """Return where the last whole line ends; a killed writer may have left a part of one."""
    return content.rfind(b"\n") + 1
