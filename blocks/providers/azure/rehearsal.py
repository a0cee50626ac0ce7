"""An emulated Azure subscription for rehearsals: the real SDK, real work, and not a cent."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar

from azure.core.exceptions import ResourceExistsError

from blocks.contracts import TrainingJobs
from blocks.emulation.rehearsing import RECLAIM, EmulatedRehearsal
from blocks.providers.azure.emulated_account import VAULT, WORD, emulated_account
from blocks.providers.azure.emulator import launch
from blocks.providers.azure.images import IMAGE as IMAGE_NAMED
from blocks.providers.azure.permissions import allowed_actions
from blocks.providers.azure.secret import vault
from blocks.providers.azure.training import AzureTraining
from blocks.workspace import HOME

OWNER = "rehearsal"
IMAGE = "registry.azurecr.io/bluewater:1"
RELEASE = "bluewater-release"  # the application as which the release calls
SETTING_UP = "bluewater-rehearsal"  # whose calls are those of the rehearsal itself
GRACE = 10.0  # seconds between SIGTERM and SIGKILL of what is cancelled

_WORKSPACE = "ml:*"
_CHANGES = "ml:*.[CD]*"  # create or update, cancel, delete
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "throttling": {"call": _WORKSPACE, "times": 3},
    "unavailable": {"call": _WORKSPACE, "times": 2},
    "lost-reply": {"call": _CHANGES, "times": 2},
    "lost-request": {"call": _CHANGES, "times": 2},
    "internal-error-after": {"call": _CHANGES, "times": 2},
    "gateway-timeout-after": {"call": _CHANGES, "times": 2},
    "stale-read": {"call": "ml:Jobs.Get", "times": 2},
    "conflict": {"call": "ml:OnlineEndpoints.CreateOrUpdate", "times": 1},
    "out-of-capacity": {"times": 1},
}
"""What each fault strikes in a rehearsal, and how often."""


class AzureRehearsal(EmulatedRehearsal[launch.Subscription]):
    """A subscription that lives as long as the rehearsal. ``emulator`` has its levers."""

    faults: ClassVar[Mapping[str, str]] = {
        RECLAIM: "the machine of a spot job is taken away in the middle of its training",
        "throttling": "three calls of the workspace are throttled",
        "unavailable": "two calls find the workspace unavailable",
        "lost-reply": "two changes are made, and their replies are lost",
        "lost-request": "two changes never arrive",
        "internal-error-after": "two changes are made, and answered with an internal error",
        "gateway-timeout-after": "two changes are made, and answered too late",
        "stale-read": "two looks at a job do not find what was just created",
        "conflict": "a change of the endpoint meets another one",
        "out-of-capacity": "a job never gets its machine",
    }
    strikes: ClassVar[Mapping[str, Mapping[str, Any]]] = FAULTS
    setting_up: ClassVar[str] = SETTING_UP
    containers: ClassVar[str] = launch.IDENTITY

    def environment(self) -> Mapping[str, str]:
        """Return the variables under which Azure blocks find this subscription."""
        return {
            HOME: str(self._folder / "workspace"),
            "AZURE_SUBSCRIPTION_ID": launch.SUBSCRIPTION,
            "AZUREML_RESOURCE_GROUP": launch.GROUP,
            "AZUREML_WORKSPACE_NAME": launch.WORKSPACE,
            "BLUEWATER_AZURE_LOCATION": launch.LOCATION,
            "AZURE_TENANT_ID": launch.TENANT,
            "AZURE_CLIENT_ID": RELEASE,
            "AZURE_CLIENT_SECRET": WORD,
            "BLUEWATER_AZURE_ENDPOINT": self.emulator.url,
            "BLUEWATER_AZURE_CA": str(self.emulator.ca),
            "BLUEWATER_AZURE_STORAGE_ACCOUNT": launch.STORAGE,
            "BLUEWATER_AZURE_CONTAINER": launch.CONTAINER,
            "BLUEWATER_AZURE_DATASTORE": launch.DATASTORE,
            "BLUEWATER_AZURE_VAULT": VAULT,
            "BLUEWATER_OWNER": OWNER,
            IMAGE_NAMED: IMAGE,
        }

    def keep_secret(self, name: str, value: str) -> None:
        """Put a secret into the Key Vault."""
        vault(self._account).set_secret(name, value)

    def _permitted(self, policy: Path) -> tuple[str, ...]:
        return allowed_actions(policy)

    def _begin(self, stack: ExitStack) -> launch.Subscription:
        settings: dict[str, Any] = {"grace": GRACE}
        folder = self._folder / "azure"
        subscription = launch.subscription(folder, preloaded=self.preloaded, **settings)
        emulator = stack.enter_context(subscription)
        self._account = emulated_account(emulator, owner=OWNER, client=SETTING_UP)
        with contextlib.suppress(ResourceExistsError):
            self._account.blobs().create_container(launch.CONTAINER)
        if self._allowed is not None:
            emulator.pull("policy", key=RELEASE, actions=list(self._allowed))
        return emulator

    def _jobs(self) -> TrainingJobs:
        return AzureTraining(account=self._account, image=IMAGE)
