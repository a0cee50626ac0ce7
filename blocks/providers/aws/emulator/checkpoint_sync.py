"""Checkpoints on their way to S3 while a job writes them, as SageMaker's agent carries them."""

from __future__ import annotations

import math
from pathlib import Path

from blocks.emulation.containers import Container
from blocks.emulation.folders import files_below
from blocks.providers.aws.emulator.training_job import Job
from blocks.providers.aws.emulator.world import World

_SYNC_EVERY = 0.2  # of the cloud's seconds


class CheckpointSync:
    """Carries new checkpoints to S3 while a job runs; what is removed here stays there."""

    def __init__(self, world: World, job: Job, nodes: list[Container]) -> None:
        self._world, self._nodes = world, nodes
        self._target = str(job.asked.get("CheckpointConfig", {}).get("S3Uri", "")).rstrip("/")
        self._seen: dict[Path, tuple[int, int]] = {}
        self._last = -math.inf

    def when_due(self) -> None:
        """Look for new files, if the last look was a while ago."""
        if self._world.clock.now() - self._last >= _SYNC_EVERY:
            self.now()

    def now(self) -> None:
        """Carry what is new or changed."""
        self._last = self._world.clock.now()
        if not self._target:
            return
        for node in self._nodes:
            place = node.folder / "checkpoints"
            for file in files_below(place):
                self._carry(file, place)

    def _carry(self, file: Path, place: Path) -> None:
        try:
            status = file.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if file.is_file() and self._seen.get(file) != stamp:
                content = file.read_bytes()
                self._world.objects.write(f"{self._target}/{file.relative_to(place)}", content)
                self._seen[file] = stamp
        except FileNotFoundError:
            pass  # drafts come and go
