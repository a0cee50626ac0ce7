"""What is asked of the emulated workspace, and which module answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from werkzeug.wrappers import Request, Response

from blocks.providers.databricks.emulator.schema import Method, method

Said = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call: the words of its path, its query, and what was sent along."""

    request: Request
    words: Mapping[str, str]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    caller: str = ""

    def __getitem__(self, word: str) -> str:
        return self.words[word]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer that is not merely a body with status 200."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Asked], "Told | Response | Said | None"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call, and the grant that it takes.

    ``sdk`` names the SDK's method, ``<service>:<Class>.<method>``: verb, path and what is checked
    come from there. Without one, ``call``, ``verb`` and ``path`` (with {words}) say what it is.
    What is answered without the world's lock may wait for others.
    """

    handler: Handler
    action: str = ""
    sdk: str = ""
    call: str = ""
    verb: str = ""
    path: str = ""
    locked: bool = True

    @property
    def model(self) -> Method | None:
        """What the SDK says of it."""
        return method(self.sdk) if self.sdk else None

    @property
    def name(self) -> str:
        """Name of the call in the record."""
        return self.call or (self.model.name if self.model else "")

    def meets(self, verb: str, path: str) -> Mapping[str, str] | None:
        """Return the words of a path, if it is this one."""
        wanted = self.verb or (self.model.verb if self.model else "")
        found = self.pattern().fullmatch(path) if verb == wanted else None
        return found.groupdict() if found else None

    def pattern(self) -> re.Pattern[str]:
        """Return what its path looks like."""
        if self.path or self.model is None:
            return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.path))
        return self.model.pattern


class Operations(Protocol):
    """A module of operations."""

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        ...
