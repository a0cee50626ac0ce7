"""What a request names that is not Vertex AI's own: networks, keys, accounts, places, labels."""

from __future__ import annotations

import re
from collections.abc import Mapping

from blocks.providers.gcp.emulator.refusals import invalid

_MOST_LABELS = 64
_LABEL_LETTERS = 64
_DISPLAY_NAME = 128  # letters
_NETWORK = re.compile(r"projects/\d+/global/networks/[a-z][a-z0-9-]{0,62}")
_ATTACHMENT = re.compile(
    r"(projects/[^/]+/regions/([a-z0-9-]+)/networkAttachments/)?[a-z][a-z0-9-]{0,62}"
)
_KEY = re.compile(r"projects/[^/]+/locations/([^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+")
_ACCOUNT = re.compile(r"[a-z0-9-]+@[a-z0-9.-]+\.gserviceaccount\.com")
_BUCKET = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](/.*)?", re.DOTALL)


def require_labels(labels: Mapping[str, str]) -> None:
    """Raise GcpError for labels that nothing can have. Letters of every language are allowed."""
    if len(labels) > _MOST_LABELS:
        raise invalid(f"No more than {_MOST_LABELS} labels can be given.")
    for key, value in labels.items():
        if not key or not (_is_label(key) and _is_label(value)):
            raise invalid(f"Invalid label: {key}={value}")


def require_display_name(name: str, field: str = "display_name") -> None:
    """Raise GcpError for a name that is too long; that there is one is checked before."""
    if len(name) > _DISPLAY_NAME:
        raise invalid(f"{field} must be at most {_DISPLAY_NAME} characters long.")


def require_network(name: str) -> None:
    """Raise GcpError for a network that is not named in full, by its project's number."""
    if name and not _NETWORK.fullmatch(name):
        raise invalid(f"Invalid network {name!r}: projects/NUMBER/global/networks/NAME is needed.")


def require_attachment(name: str, location: str) -> None:
    """Raise GcpError for a network attachment that is malformed, or of another region."""
    found = _ATTACHMENT.fullmatch(name)
    if name and (found is None or found[2] not in (None, location)):
        raise invalid(f"Invalid network_attachment {name!r} for a job in {location}.")


def require_key(name: str, location: str) -> None:
    """Raise GcpError for a key that is malformed, or that is not where what it encrypts is."""
    found = _KEY.fullmatch(name)
    if name and (found is None or found[1] != location):
        raise invalid(
            f"Invalid encryption_spec.kms_key_name {name!r}: a key in {location} is needed."
        )


def require_account(email: str) -> None:
    """Raise GcpError for what is no service account."""
    if email and not _ACCOUNT.fullmatch(email):
        raise invalid(f"Invalid service_account {email!r}.")


def require_place(uri: str, field: str) -> None:
    """Raise GcpError for what is no place in Cloud Storage."""
    if uri and not _BUCKET.fullmatch(uri):
        raise invalid(f"{field} {uri!r} is not a URI of Cloud Storage.")


def _is_label(word: str) -> bool:
    return len(word) <= _LABEL_LETTERS and all(
        letter in "_-" or (letter.isalnum() and letter == letter.lower()) for letter in word
    )
