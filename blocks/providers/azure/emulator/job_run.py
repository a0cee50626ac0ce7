"""The work of one job: it waits for machines, runs, is preempted and queued again, and ends."""

from __future__ import annotations

import logging
import threading

from blocks.providers.azure.emulator.job import Job, Over
from blocks.providers.azure.emulator.job_node import LOGS, Machines, log_of
from blocks.providers.azure.emulator.world import World

log = logging.getLogger(__name__)

_LOOK_EVERY = 0.02  # of our own seconds
_CARRY_EVERY = 0.2  # of the cloud's
_LAST = 2000  # letters of the log that an error quotes


class JobRun:
    """Runs a job as Azure does, in the thread that calls."""

    def __init__(self, world: World, job: Job) -> None:
        self._world, self._job = world, job
        self._machines = 0

    def begin(self) -> None:
        """Run it in a thread of its own."""
        threading.Thread(target=self._to_its_end, name=self._job.name, daemon=True).start()

    def _to_its_end(self) -> None:
        """Go through every state. Whatever goes wrong in here is the job's failure."""
        try:
            while not self._ran(self._provisioned()):
                pass  # preempted: it is queued again by itself
            raise Over("Completed")
        except Over as over:
            self._end(over)
        except Exception:
            log.exception("job %s", self._job.name)
            self._end(Over("Failed", "ServiceError", "An internal error occurred."))

    def _provisioned(self) -> Machines:
        """Wait for machines, and fill them. Raises Over if there will be none."""
        job, clock = self._job, self._world.clock
        self._move("Queued")
        ready = clock.now() + self._world.settings.provisioning
        while not job.capacity or clock.now() < ready:
            if job.stop.wait(_LOOK_EVERY):
                raise Over("Canceled")
        self._move("Preparing")
        self._machines += 1
        with self._world.lock:
            job.taken.clear()
        found = Machines(self._world, job, self._machines)
        found.start()
        self._move("Running")
        return found

    def _ran(self, machines: Machines) -> bool:
        """Wait for the command; return whether it ended by itself. Raises Over."""
        job, clock = self._job, self._world.clock
        ends = None if job.timeout is None else clock.now() + job.timeout
        carried = clock.now()
        while any(node.poll() is None for node in machines.nodes):
            if job.taken.is_set():
                return self._lost(machines)
            if job.stop.wait(_LOOK_EVERY) or (ends is not None and clock.now() >= ends):
                machines.stop()
                raise Over("Canceled")
            if clock.now() - carried >= _CARRY_EVERY:
                machines.carry()
                carried = clock.now()
        self._move("Finalizing")
        machines.end()
        if failed := [node for node in machines.nodes if node.poll()]:
            raise Over("Failed", "UserError", self._failure(failed[0].poll()))
        return True

    def _lost(self, machines: Machines) -> bool:
        """The machines are gone, without a word: queued again on spot, a failure elsewhere."""
        machines.end()
        if not self._job.spot:
            raise Over(
                "Failed", "ServiceError", "The node that the job ran on is lost: it was unhealthy."
            )
        return False

    def _failure(self, status: int | None) -> str:
        blob = self._world.blobs.find(LOGS, log_of(self._job, 0))
        last = blob.content.decode(errors="replace")[-_LAST:] if blob else ""
        return f"Execution failed. User process exited with status code {status}.\n{last}"

    def _end(self, over: Over) -> None:
        with self._world.lock:
            self._job.code, self._job.message = over.code, over.message
        self._move(over.status)

    def _move(self, status: str) -> None:
        with self._world.lock:
            self._job.move(status, self._world.clock.now())
