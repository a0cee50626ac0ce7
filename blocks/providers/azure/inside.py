"""What our containers in Azure are told, and how they reach the storage that they work on."""

from __future__ import annotations

from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient, LinearRetry

ASKED = "BLUEWATER_BATCH"  # URI of a batch job's request
STORAGE = "BLUEWATER_STORAGE"  # address of a storage account, with {account} for its name
WANTED = "BLUEWATER_WANTED"  # folder of what endpoints should be
TICKS, TICKS_EVERY = "BLUEWATER_TICKS", "BLUEWATER_TICKS_EVERY"  # folder for them; seconds
COLLECTED = "BLUEWATER_COLLECTED"  # folder of what Azure's monitors read; missing: nothing is
INPUTS = "model_inputs"  # what the service calls the collection of what models are asked
MODEL_DIR = "AZUREML_MODEL_DIR"  # where Azure puts the model that a deployment names
CLIENT = "AZURE_CLIENT_ID"  # which of the machine's identities, where it has several


def said_of(asked: str) -> str:
    """Return where the last words of the job are whose request lies at the URI ``asked``."""
    return f"{asked.rpartition('/')[0]}/said.json"


class Storage:
    """Storage accounts as the identity of the machine reaches them."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._credential = DefaultAzureCredential()
        self._clients: dict[tuple[str, int], BlobServiceClient] = {}

    def blobs(self, *, attempts: int, storage_account: str) -> BlobServiceClient:
        """Return the client of a storage account, made once."""
        key = (storage_account, attempts)
        if key not in self._clients:
            self._clients[key] = BlobServiceClient(
                self._address.format(account=storage_account),
                credential=self._credential,
                retry_policy=LinearRetry(backoff=1, retry_total=attempts - 1),
            )
        return self._clients[key]
