"""What is asked of the emulated cloud, and which module answers it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from werkzeug.wrappers import Request, Response

Said = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One call: what it is in Azure's words, and what was sent along."""

    request: Request
    words: Mapping[str, str]  # of the path
    body: Any = None

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
    """A path of a service, and what it takes to be allowed there.

    ``model`` and ``answers`` name the SDK's models of the body and of the answer. What is
    answered without the world's lock may wait for others.
    """

    service: str
    method: str
    path: str  # with {words}, below the workspace where it begins without a slash
    operation: str
    handler: Handler
    action: str = ""  # empty: it takes no permission
    model: str = ""
    answers: str = ""
    locked: bool = True

    @property
    def call(self) -> str:
        """Name of the call in the record."""
        return f"{self.service}:{self.operation}"

    def pattern(self) -> re.Pattern[str]:
        """Return what its path looks like; Azure does not mind upper and lower case."""
        path = self.path if self.path.startswith("/") else WORKSPACE + self.path
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "/?", re.IGNORECASE)


class Operations(Protocol):
    """A module of operations."""

    def routes(self) -> Sequence[Route]:
        """Return what it answers."""
        ...


WORKSPACE = (
    "/subscriptions/{subscription}/resourceGroups/{group}/providers/"
    "Microsoft.MachineLearningServices/workspaces/{workspace}/"
)
ML = "Microsoft.MachineLearningServices/workspaces"
