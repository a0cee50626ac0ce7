"""Files are found in a folder that somebody works in."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from blocks.emulation.folders import files_below


def test_what_goes_during_the_look_does_not_end_it(tmp_path: Path) -> None:
    """Folders come and go as those of checkpoints do; what stays is found each time."""
    stays = [tmp_path / name for name in ("a", "deep/b", "z")]
    (tmp_path / "deep").mkdir()
    for file in stays:
        file.touch()
    over = threading.Event()
    worker = threading.Thread(target=_come_and_go, args=(tmp_path, over))
    worker.start()
    try:
        for _ in range(2_000):
            assert [file for file in files_below(tmp_path) if file.name != "weights"] == stays
    finally:
        over.set()
        worker.join()


def _come_and_go(folder: Path, over: threading.Event) -> None:
    number = 0
    while not over.is_set():
        number += 1
        draft = folder / f".saving-{number}"
        (draft / "model").mkdir(parents=True)
        (draft / "model" / "weights").touch()
        draft.rename(folder / f"step-{number}")
        shutil.rmtree(folder / f"step-{number}")
