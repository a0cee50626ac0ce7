"""Looking for what was made a moment ago: SageMaker may not show it yet."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from blocks.providers.aws.errors import code_of

# What SageMaker says of a name that it does not know; of a well-formed name it says it of no other.
UNKNOWN = frozenset({"ValidationException", "ResourceNotFound"})
READS = 4  # attempts at a call that may be repeated
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_VISIBLE_AFTER = (0.2, 0.4, 0.8)  # seconds

Described = Mapping[str, Any]


def is_name(text: str) -> bool:
    """Whether SageMaker could call a thing so."""
    return _NAME.fullmatch(text) is not None


def look_for(
    describe: Callable[..., Described], word: str, name: str, *, patient: bool = True
) -> Described | None:
    """Return a description, or None if there is no such thing; if patient, also in a moment.

    ``word`` is the parameter that takes the name, such as ``TrainingJobName``.
    """
    if not is_name(name):
        return None
    for pause in (*(_VISIBLE_AFTER if patient else ()), None):
        try:
            return describe(**{word: name})
        except ClientError as error:
            if code_of(error) not in UNKNOWN:
                raise
            if pause is not None:
                time.sleep(pause)
    return None
