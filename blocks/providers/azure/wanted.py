"""What an endpoint of Azure Machine Learning should be: its deployments, and whose the traffic is.

A change of traffic takes Azure a minute and it compares no etags, so the split that is wanted is
written down beside the variants, and only who has read it replaces it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from blocks.cloud.bucket import Bucket
from blocks.cloud.documents import Documents
from blocks.cloud.wanted import Wanted, WantedVariant
from blocks.contracts import Mirror, Traffic

LEARNT_EVERY = 0.5  # seconds between two looks of a container at who gets copies
LEARNT_AFTER = timedelta(seconds=2)  # that all containers know of it


class WantedEndpoint(Wanted):
    """The variants of an endpoint and the traffic between them."""

    percent: Mapping[str, int] = {}
    mirror: Mirror | None = None
    begun: bool = False  # the endpoint was asked for, so it may be there and not show yet
    moves: int = 0  # how often traffic was moved
    copied: str = ""  # the variant whose containers are told that all they get are copies
    told: datetime | None = None  # when they were
    scaled: Mapping[str, str] = {}  # the tokens of variants that are scaled, by their names

    @property
    def traffic(self) -> Traffic:
        """The split."""
        return Traffic(percent=self.percent, mirror=self.mirror, etag=self.move)

    @property
    def move(self) -> str:
        """What `shift` compares: how often the split was moved; empty for never."""
        return f"move-{self.moves}" if self.moves else ""

    @property
    def learnt(self) -> bool:
        """Whether all containers know by now who gets copies."""
        return self.told is None or datetime.now(UTC) - self.told >= LEARNT_AFTER

    def beginning(self, *, begun: bool = True) -> WantedEndpoint:
        """Return the same with the endpoint asked for, or known to be gone."""
        return self if self.begun is begun else self.model_copy(update={"begun": begun})

    def moved(self, to: Traffic) -> WantedEndpoint:
        """Return the same with another split."""
        percent = {name: share for name, share in to.percent.items() if share}
        changes = {"percent": percent, "mirror": to.mirror, "moves": self.moves + 1}
        return self.model_copy(update=changes)

    def scaling(self, variant: WantedVariant) -> WantedEndpoint:
        """Return the same with a variant noted as scaled."""
        scaled = {**self.scaled, variant.request.variant: variant.token}
        return self.model_copy(update={"scaled": scaled})

    def telling(self, variant: str) -> WantedEndpoint:
        """Return the same with containers told that this variant alone gets copies."""
        return self.model_copy(update={"copied": variant, "told": datetime.now(UTC)})


def wishes(bucket: Bucket, folder: str) -> Documents[WantedEndpoint]:
    """Return what is wanted of endpoints, kept below a folder."""
    return Documents(bucket, WantedEndpoint, lambda endpoint: f"{folder}/{endpoint}/wanted.json")
