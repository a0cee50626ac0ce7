"""The word by which an emulator knows who may pull its levers: only this user can read it."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

WORD = "control.word"


def word_of(folder: Path) -> str:
    """Return the word of the emulator in a folder; who asks first makes it."""
    file = folder / WORD
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{WORD}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "w") as opened:
            opened.write(secrets.token_urlsafe(24))
        with contextlib.suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
    return file.read_text()
