"""An emulated AWS account for rehearsals of releases that are served by Lambda."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from blocks.emulation.rehearsing import RECLAIM
from blocks.providers.aws.rehearsal import AwsRehearsal


class LambdaRehearsal(AwsRehearsal):
    """An account whose endpoints are functions; all else of AWS is beside them."""

    faults: ClassVar[Mapping[str, str]] = {
        RECLAIM: "the machine of a spot job is taken away in the middle of its training",
        "throttling": "three calls of Lambda's control plane are throttled",
        "unavailable": "two calls find Lambda's control plane unavailable",
        "lost-reply": "two changes of functions are made, and their replies are lost",
        "lost-request": "two changes of functions never arrive",
        "internal-error-after": "two changes are made, and answered with an internal error",
    }
    strikes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "throttling": {"call": "lambda:[!I]*", "times": 3},
        "unavailable": {"call": "lambda:[!I]*", "times": 2},
        "lost-reply": {"call": "lambda:[CPU]*", "times": 2},
        "lost-request": {"call": "lambda:[CPU]*", "times": 2},
        "internal-error-after": {"call": "lambda:[CPU]*", "times": 2},
    }
