"""What an endpoint should be like: one document that only who read it replaces.

Databricks takes the configuration of an endpoint as a whole, one at a time, and minutes for each.
So what is wanted is written down first, and every look at the endpoint takes it a step nearer to
that, whoever looks.
"""

from __future__ import annotations

from collections.abc import Mapping

from blocks.cloud.bucket import Swaps
from blocks.cloud.documents import Documents
from blocks.contracts import Frozen, VariantRequest


class WantedVariant(Frozen):
    """A variant that was asked for."""

    request: VariantRequest
    token: str
    word: str = ""  # another one each time that it is wanted anew, under the same token too
    version: str = ""  # of the model by which it is served, in Unity Catalog
    failure: str = ""  # why it never got ready; it is left alone from then on
    leaving: bool = False  # it is to be taken down, and forgotten then

    @property
    def served(self) -> bool:
        """Whether it belongs on the endpoint now."""
        return bool(self.version) and not self.leaving and not self.failure


class Move(Frozen):
    """The last move of the traffic that was asked for."""

    word: str  # another one for every move
    percent: Mapping[str, int]
    since: str  # etag of the traffic that it replaces
    failure: str = ""  # why Databricks did not take it
    done: bool = False  # it is in force, or never will be: from now on Databricks' word counts


class Wanted(Frozen):
    """The variants of an endpoint, and whose the traffic is to be."""

    variants: Mapping[str, WantedVariant] = {}
    move: Move | None = None

    @property
    def moving(self) -> Move | None:
        """The move that is not in force yet."""
        return self.move if self.move is not None and not self.move.done else None

    def staying(self) -> Mapping[str, WantedVariant]:
        """Return the variants that are wanted."""
        return {name: each for name, each in self.variants.items() if not each.leaving}

    def put(self, variant: WantedVariant) -> Wanted:
        """Return the same with that variant."""
        variants = {**self.variants, variant.request.variant: variant}
        return self.model_copy(update={"variants": variants})

    def noted(self, variant: WantedVariant, **changes: object) -> Wanted:
        """Return the same with changes of a variant, if it is still the one that was meant."""
        now = self.variants.get(variant.request.variant)
        if now is None or (now.token, now.word) != (variant.token, variant.word):
            return self
        return self.put(now.model_copy(update=changes))

    def without(self, variant: WantedVariant) -> Wanted:
        """Return the same without a variant, if it is still the one that was meant."""
        name = variant.request.variant
        now = self.variants.get(name)
        if now is None or (now.token, now.word) != (variant.token, variant.word):
            return self
        variants = {key: each for key, each in self.variants.items() if key != name}
        return self.model_copy(update={"variants": variants})

    def moved(self, move: Move, **changes: object) -> Wanted:
        """Return the same with changes of a move, if no other was asked for since."""
        if self.move is None or self.move.word != move.word:
            return self
        return self.model_copy(update={"move": self.move.model_copy(update=changes)})


def wishes(documents: Swaps, folder: str) -> Documents[Wanted]:
    """Return what is wanted of endpoints, kept below a folder."""
    return Documents(documents, Wanted, lambda endpoint: f"{folder}/{endpoint}/wanted")
