"""The job's own last word, read by providers that forget finished machines."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from blocks.workload.places import at

INTERRUPTED_EXIT = 75  # EX_TEMPFAIL of sysexits.h: "try again later"
PROGRESS = r"^\[bluewater\] progress=([0-9.]+)"  # a line by which progress is told in a log


class UnreadableOutcome(ValueError):
    """The file is there, but it is not an outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended: with a model, or with a reason."""

    ok: bool
    model_uri: str = ""
    digest: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    code: str = ""  # of a failure: the name of the exception
    message: str = ""  # of a failure, in the words of the exception


def progress_line(done: float, of: float) -> str:
    """Return the line that tells how far the work is; clouds read it with ``PROGRESS``."""
    share = min(1.0, max(0.0, done / of)) if of else 0.0
    return f"[bluewater] progress={share:.4f}"


def outcome_name(token: str) -> str:
    """Return the name of the outcome file; attempts share an output place, so it is per token."""
    return f"outcome-{token}.json" if token else "outcome.json"


def to_json(outcome: Outcome) -> bytes:
    """Return the outcome file's content; a metric that is no finite number is kept as null."""
    metrics = {name: float(value) for name, value in outcome.metrics.items()}
    value = {
        "ok": outcome.ok,
        "model_uri": outcome.model_uri,
        "digest": outcome.digest,
        "metrics": {name: x if math.isfinite(x) else None for name, x in metrics.items()},
        "code": outcome.code,
        "message": outcome.message,
    }
    return json.dumps(value, sort_keys=True, indent=1).encode()


def parse_outcome(content: bytes) -> Outcome:
    """Return the outcome a file holds. Raises UnreadableOutcome."""
    try:
        value = json.loads(content)
        metrics = {
            str(name): math.nan if number is None else float(number)
            for name, number in value.pop("metrics", {}).items()
        }
        return Outcome(metrics=metrics, **value)
    except (ValueError, TypeError, AttributeError) as error:
        raise UnreadableOutcome(f"this is not an outcome file: {error}") from error


def read_outcome(output: str | Path, token: str = "") -> Outcome | None:
    """Return the outcome in an output place (path or URI), or None if the job left none.

    Raises UnreadableOutcome.
    """
    content = at(str(output)).read(outcome_name(token))
    return None if content is None else parse_outcome(content)


def write_outcome(output: str, token: str, outcome: Outcome) -> None:
    """Write the outcome, whole or not at all."""
    at(output).write(outcome_name(token), to_json(outcome))
