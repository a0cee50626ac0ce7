"""What an endpoint should be like: one document that only who read it replaces.

Databricks takes the configuration of an endpoint as a whole, one at a time, and minutes for each.
So what is wanted is written down first, and every look at the endpoint takes it a step nearer to
that, whoever looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Self

from blocks.cloud import wanted
from blocks.cloud.bucket import Swaps
from blocks.cloud.documents import Documents
from blocks.contracts import Frozen


class WantedVariant(wanted.WantedVariant):
    """A variant that was asked for."""

    word: str = ""  # another one each time that it is wanted anew, under the same token too
    version: str = ""  # of the model by which it is served, in Unity Catalog
    table: bool = False  # its requests are kept in the endpoint's inference table

    @property
    def served(self) -> bool:
        """Whether it belongs on the endpoint now."""
        return bool(self.version) and not self.leaving and not self.failure

    def is_still(self, now: Self) -> bool:
        """Whether what is wanted under its name now is still this one, and not the same anew."""
        return super().is_still(now) and now.word == self.word


class Move(Frozen):
    """The last move of the traffic that was asked for."""

    word: str  # another one for every move
    percent: Mapping[str, int]
    since: str  # etag of the traffic that it replaces
    failure: str = ""  # why Databricks did not take it
    done: bool = False  # it is in force, or never will be: from now on Databricks' word counts


class Wanted(wanted.WantedVariants[WantedVariant]):
    """The variants of an endpoint, and whose the traffic is to be."""

    move: Move | None = None
    table: str = ""  # word of the inference table of its requests, once a variant wants one

    def asked(self, variant: WantedVariant, *, again: timedelta) -> Self:
        """Return the same with a variant more; the first one that wants a table names it."""
        after = super().asked(variant, again=again)
        if variant.table and not after.table:
            return after.model_copy(update={"table": variant.word})
        return after

    @property
    def moving(self) -> Move | None:
        """The move that is not in force yet."""
        return self.move if self.move is not None and not self.move.done else None

    def moved(self, move: Move, **changes: object) -> Wanted:
        """Return the same with changes of a move, if no other was asked for since."""
        if self.move is None or self.move.word != move.word:
            return self
        return self.model_copy(update={"move": self.move.model_copy(update=changes)})


def wishes(documents: Swaps, folder: str) -> Documents[Wanted]:
    """Return what is wanted of endpoints, kept below a folder."""
    return Documents(documents, Wanted, lambda endpoint: f"{folder}/{endpoint}/wanted")
