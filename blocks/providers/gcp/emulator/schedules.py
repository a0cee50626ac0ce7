"""Vertex AI's schedules: at the minutes of a cron line they ask for what they are given."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.cloud.aiplatform_v1beta1.types import (
    DeleteOperationMetadata,
    ListSchedulesResponse,
    Schedule,
)
from google.longrunning.operations_pb2 import Operation
from google.protobuf.empty_pb2 import Empty

from blocks.providers.gcp.emulator.custom_job import at
from blocks.providers.gcp.emulator.filters import matcher
from blocks.providers.gcp.emulator.model_monitors import ModelMonitors
from blocks.providers.gcp.emulator.monitoring_job import require_possible
from blocks.providers.gcp.emulator.pages import page
from blocks.providers.gcp.emulator.refusals import GcpError, invalid, not_found
from blocks.providers.gcp.emulator.routes import Answer
from blocks.providers.gcp.emulator.world import World

log = logging.getLogger(__name__)

_STATE = Schedule.State
_LOOK_EVERY = 0.05  # of our own seconds
_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))  # of a cron line's fields
_AHEAD = timedelta(days=400)
_MINUTE = timedelta(minutes=1)


class Schedules:
    """CreateSchedule and its kin, and the thread that starts what is due."""

    def __init__(self, world: World, monitors: ModelMonitors) -> None:
        self._world, self._monitors = world, monitors
        self._all: dict[str, Schedule] = {}
        self._made: list[str] = []  # display names of whatever was made
        self._ticking = False
        world.levers["schedules-made"] = lambda _: list(self._made)

    def handlers(self) -> Mapping[str, Callable[[Any], Answer]]:
        """Return what answers a method, by its name."""
        return {
            "ScheduleService.CreateSchedule": self._create,
            "ScheduleService.GetSchedule": lambda asked: self._known(asked.name),
            "ScheduleService.ListSchedules": self._list,
            "ScheduleService.PauseSchedule": self._pause,
            "ScheduleService.ResumeSchedule": self._resume,
            "ScheduleService.DeleteSchedule": self._delete,
        }

    def _create(self, asked: Any) -> Schedule:
        if asked.parent != self._world.parent:
            raise not_found(asked.parent)
        schedule = Schedule(asked.schedule)
        if "create_model_monitoring_job_request" not in schedule:
            raise GcpError(
                grpc.StatusCode.UNIMPLEMENTED, "schedules of monitoring jobs alone are emulated"
            )
        job = schedule.create_model_monitoring_job_request.model_monitoring_job
        require_possible(job.model_monitoring_spec)
        now = self._world.clock.now()
        schedule.name, schedule.state = self._world.name("schedules"), _STATE.ACTIVE
        schedule.create_time = at(now)
        schedule.next_run_time = at(following(schedule.cron, now))
        self._all[schedule.name] = schedule
        self._made.append(schedule.display_name)
        if not self._ticking:
            self._ticking = True
            threading.Thread(target=self._tick, name="schedules", daemon=True).start()
        return schedule

    def _tick(self) -> None:
        while not self._world.closing.wait(_LOOK_EVERY):
            now = self._world.clock.now()
            with self._world.lock:
                for schedule in list(self._all.values()):
                    due = schedule.next_run_time.timestamp()
                    if schedule.state == _STATE.ACTIVE and due <= now:
                        self._run(schedule, due, now)

    def _run(self, schedule: Schedule, due: float, now: float) -> None:
        """Start what is due; of what was missed, the last one alone."""
        while (next_one := following(schedule.cron, due)) <= now:
            due = next_one
        schedule.next_run_time = at(next_one)
        asked, told = schedule.create_model_monitoring_job_request, "OK"
        try:
            self._monitors.begin(asked, schedule=schedule.name, due=due)
            schedule.started_run_count += 1
        except GcpError as error:
            told = error.message
        except Exception:
            log.exception("%s", schedule.name)
            told = "Internal error encountered."
        schedule.last_scheduled_run_response = {
            "scheduled_run_time": at(due),
            "run_response": told,
        }

    def _list(self, asked: Any) -> ListSchedulesResponse:
        meets = matcher(asked.filter)
        found = [
            each
            for each in reversed(self._all.values())
            if meets(Schedule.to_dict(each, use_integers_for_enums=False))
        ]
        some, token = page(found, asked)
        return ListSchedulesResponse(schedules=some, next_page_token=token)

    def _pause(self, asked: Any) -> Empty:
        schedule = self._known(asked.name)
        schedule.state, schedule.last_pause_time = _STATE.PAUSED, at(self._world.clock.now())
        return Empty()

    def _resume(self, asked: Any) -> Empty:
        schedule, now = self._known(asked.name), self._world.clock.now()
        schedule.state, schedule.last_resume_time = _STATE.ACTIVE, at(now)
        schedule.next_run_time = at(following(schedule.cron, now))
        return Empty()

    def _delete(self, asked: Any) -> Operation:
        schedule = self._known(asked.name)
        del self._all[schedule.name]
        return self._world.operations.done(schedule.name, Empty(), DeleteOperationMetadata())

    def _known(self, name: str) -> Schedule:
        if name not in self._all:
            raise not_found(name)
        return self._all[name]


def following(cron: str, after: float) -> float:
    """Return the first moment past another one that a cron line names, in UTC. Raises GcpError."""
    fields = cron.removeprefix("TZ=UTC ").removeprefix("CRON_TZ=UTC ").split()
    if len(fields) != len(_LIMITS):
        raise invalid(f"Invalid cron expression: {cron!r}")
    minutes, hours, days, months, weekdays = map(_named, fields, _LIMITS)
    moment = datetime.fromtimestamp(after, UTC).replace(second=0, microsecond=0) + _MINUTE
    end = moment + _AHEAD
    while moment < end:
        day = moment.day in days and moment.month in months
        if not day or moment.isoweekday() % 7 not in weekdays:
            moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
        elif moment.hour not in hours:
            moment = moment.replace(minute=0) + timedelta(hours=1)
        elif moment.minute not in minutes:
            moment += _MINUTE
        else:
            return moment.timestamp()
    raise invalid(f"Invalid cron expression: {cron!r} names no moment")


def _named(field: str, limits: tuple[int, int]) -> frozenset[int]:
    """Return what a field names: a star, a number, every so many, or several of these."""
    found: set[int] = set()
    for part in field.split(","):
        which, _, step = part.partition("/")
        first, last = limits if which == "*" else (which, which)
        if not (str(first).isdigit() and (step or "1").isdigit()):
            raise invalid(f"Invalid cron expression: {field!r}")
        found |= set(range(int(first), int(last) + 1, int(step or 1)))
    return frozenset(found)
