"""One trial of a study: which hyperparameters it got, and how it tells its metric.

Vertex AI gives each trial its values as arguments, ``--name=value``, and reads its metric from a
file of JSON lines, as the package cloudml-hypertune writes it.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

TRIAL, METRIC_FILE = "CLOUD_ML_TRIAL_ID", "CLOUD_ML_HP_METRIC_FILE"  # Vertex AI's own
METRIC, SEARCHED = "BLUEWATER_STUDY_METRIC", "BLUEWATER_STUDY_PARAMETERS"

_USUAL_FILE = "/var/hypertune/output.metrics"
_KEPT = 100  # lines; the newest


def report_metric(
    name: str, value: float, environ: Mapping[str, str], *, step: float = 0.0
) -> None:
    """Tell the study a metric; outside of a trial nothing happens. The last word counts."""
    if TRIAL not in environ or not math.isfinite(value):
        return
    file = Path(environ.get(METRIC_FILE) or _USUAL_FILE)
    file.parent.mkdir(parents=True, exist_ok=True)
    told = {
        "timestamp": time.time(),
        "trial": environ[TRIAL],
        name: str(float(value)),
        "global_step": str(int(step)),
        "checkpoint_path": "",
    }
    before = file.read_text().splitlines() if file.exists() else []
    lines = [*before, json.dumps(told, sort_keys=True)][-_KEPT:]
    file.write_text("".join(f"{line}\n" for line in lines))


def as_trial(
    command: Sequence[str], environ: Mapping[str, str]
) -> tuple[Sequence[str], Mapping[str, str]]:
    """Return the command without the values that a trial got, and the environment with them.

    Code reads them as it reads all its hyperparameters, and need not know of a study.
    """
    searched = set(json.loads(environ.get(SEARCHED) or "[]"))
    told, rest = dict[str, str](), list[str]()
    for argument in command:
        name, equals, value = argument.removeprefix("--").partition("=")
        if argument.startswith("--") and equals and name in searched:
            told[name] = value
        else:
            rest.append(argument)
    fixed = json.loads(environ.get("BLUEWATER_PARAMETERS") or "{}")
    return rest, {**environ, "BLUEWATER_PARAMETERS": json.dumps({**fixed, **told})}
