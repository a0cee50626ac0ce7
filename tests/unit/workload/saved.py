"""Checkpoints that tests save, damage and count."""

from __future__ import annotations

from pathlib import Path

from blocks.workload import Checkpoints


def save(checkpoints: Checkpoints, step: int, text: str = "state") -> None:
    with checkpoints.saving(step) as folder:
        (folder / "state").write_text(f"{text} {step}")
        (folder / "deep").mkdir()
        (folder / "deep" / "more").write_bytes(bytes(range(256)))


def steps(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def flip(folder: Path) -> None:
    raw = bytearray((folder / "deep" / "more").read_bytes())
    raw[100] ^= 1
    (folder / "deep" / "more").write_bytes(raw)
