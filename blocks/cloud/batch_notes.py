"""What a batch job's container and who waits for it write to each other."""

from __future__ import annotations

import json

from blocks.contracts import Frozen

DIGEST, ROWS = "bluewater-scored", "bluewater-rows"  # notes on a finished file


class Said(Frozen):
    """The last words of the container."""

    code: str = ""  # empty: it succeeded
    message: str = ""
    rows: int = 0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0

    def to_message(self, most: int) -> str:
        """Return it as JSON of ``most`` bytes, with the words cut off where it must be."""
        room = most - len(self.model_copy(update={"message": ""}).model_dump_json().encode())
        kept = []
        for letter in self.message:
            room -= len(json.dumps(letter, ensure_ascii=False).encode()) - 2  # without its quotes
            if room < 0:
                break
            kept.append(letter)
        return self.model_copy(update={"message": "".join(kept)}).model_dump_json()


class Progress(Frozen):
    """How many files are done."""

    done: int
    of: int

    @property
    def share(self) -> float | None:
        """The share of files that are done; None where there are none."""
        return self.done / self.of if self.of else None


def progress_of(asked: str) -> str:
    """Return where the progress of the job is whose request lies at the URI ``asked``."""
    return f"{asked.rpartition('/')[0]}/progress.json"
