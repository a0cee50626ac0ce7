"""Where things are in Unity Catalog's volumes, as a URI and as a path."""

from __future__ import annotations

import re

from blocks.contracts import InvalidRequest

SCHEME = "dbfs"
_PATH = re.compile(r"dbfs:(?://)?(?P<path>/Volumes/[^/]+/[^/]+/[^/]+(?:/.*)?)", re.DOTALL)


def path_of(uri: str) -> str:
    """Return the path below /Volumes that a URI means. Raises InvalidRequest for other places."""
    found = _PATH.fullmatch(uri)
    if found is None:
        raise InvalidRequest(
            f"{uri!r} is not in a volume; use dbfs:///Volumes/CATALOG/SCHEMA/VOLUME/...",
            code="SCHEME",
        )
    return found["path"]


def uri_of(path: str) -> str:
    """Return the URI of a path below /Volumes."""
    return f"{SCHEME}://{path}"
