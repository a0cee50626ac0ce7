"""Names of requests that tell when they were asked: what comes of one later is counted to then.

UUID version 7 (RFC 9562, section 5.7) and ULID both begin with 48 bits of milliseconds since 1970.
"""

from __future__ import annotations

import os
import re
import time

OLDEST = 30 * 86400.0  # seconds; what claims to be older was not named by its time
AHEAD = 60.0  # seconds that the clock of who named it may be ahead of ours

_UUID7 = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?7[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}")
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> str:
    """Return a new UUID of version 7, in hexadecimal without dashes."""
    chance = int.from_bytes(os.urandom(10)) >> 6  # 74 bits
    high, low = chance >> 62, chance & ((1 << 62) - 1)
    milliseconds = time.time_ns() // 1_000_000
    return f"{milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low:032x}"


def asked_at(request_id: str, *, now: float) -> float | None:
    """Return when the request was asked, in seconds since 1970; None if its name does not say."""
    if found := _UUID7.fullmatch(request_id.lower()):
        milliseconds = int(found[1] + found[2], 16)
    elif _ULID.fullmatch(request_id.upper()):
        milliseconds = 0
        for letter in request_id.upper()[:10]:
            milliseconds = milliseconds << 5 | _CROCKFORD.index(letter)
    else:
        return None
    return plausible(milliseconds / 1000, now=now)


def plausible(at: float, *, now: float) -> float | None:
    """Return the time if a request may have been asked then, else None."""
    return min(at, now) if now - OLDEST <= at <= now + AHEAD else None
