"""What the containers of a revision wrote to Cloud Logging."""

from __future__ import annotations

from blocks.providers.gcp.account import GcpAccount
from blocks.providers.gcp.endpoint_log import words_of

KIND = "cloud_run_revision"


def last_words(account: GcpAccount, revision: str) -> str:
    """Return the end of the log of a revision's containers."""
    return words_of(
        account, f'resource.type="{KIND}" AND resource.labels.revision_name="{revision}"'
    )
