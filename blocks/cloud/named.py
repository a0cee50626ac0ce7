"""Making one thing for one token, where names are unique and the name is made from the token."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from blocks.contracts import Conflict, Denied, ProviderError, Unavailable


class Look(Protocol):
    """Looks for the thing of the name; if ``patient``, also for one that shows in a moment."""

    def __call__(self, *, patient: bool) -> Any:
        """Return the thing, or None."""
        ...


def make_named(
    create: Callable[[], Any],
    look: Look,
    *,
    explain: Callable[[Exception], ProviderError | None],
    conflict_is_the_name: bool = False,
) -> None:
    """Create a thing, or let be what has its name: whoever made that, it is what was asked for.

    Whatever was said against it, or lost on its way, it may be there; then nothing is raised.
    With ``conflict_is_the_name``, a conflict can mean nothing else, and nobody needs to look.
    """

    def cause(error: Exception) -> ProviderError | None:
        return error if isinstance(error, ProviderError) else explain(error)

    try:
        create()
    except Exception as error:
        known = cause(error)
        if conflict_is_the_name and isinstance(known, Conflict):
            return
        may_show = isinstance(known, Unavailable | Conflict)  # it may have been done all the same
        try:
            there = look(patient=may_show)
        except Exception as unseen:
            if may_show or not isinstance(cause(unseen), Denied):
                raise
            there = None  # who may not look either is told what was refused in the first place
        if there is None:
            raise
