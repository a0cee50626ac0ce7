"""An emulated Azure subscription for rehearsals of releases that are served by Kubernetes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal

from blocks.price_book import HourlyRates, PriceBook
from blocks.providers.azure.cost import BOOK
from blocks.providers.azure.emulator import launch
from blocks.providers.azure.kubernetes.attached import CLUSTER, MACHINE, attach
from blocks.providers.azure.kubernetes.endpoints import COMPUTE
from blocks.providers.azure.rehearsal import AzureRehearsal


class AzureKubernetesRehearsal(AzureRehearsal):
    """A subscription whose endpoints are on an attached cluster; all else of Azure is beside it.

    The faults are those of the workspace: by its calls the cluster's endpoints are made, too.
    """

    def environment(self) -> Mapping[str, str]:
        """Return the variables under which Azure blocks find this subscription."""
        own = os.environ.get(BOOK)  # it may have prices of other types of instances
        book = own or str(self._folder / "prices.json")
        return {**super().environment(), COMPUTE: CLUSTER, BOOK: book}

    def _begin(self, stack: ExitStack) -> launch.Subscription:
        emulator = super()._begin(stack)
        attach(self._account)
        book = PriceBook(
            currency="USD",
            machines={MACHINE: HourlyRates(on_demand=Decimal(0))},
            source="a cluster that is paid for anyway",
            as_of=datetime.now(UTC).date(),
        )
        (self._folder / "prices.json").write_text(book.model_dump_json())
        return emulator
