"""SageMaker's monitoring schedules: they are due by the clock, and what they find is really so."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from blocks.providers.aws.emulator.captures import folder_of
from blocks.providers.aws.emulator.cron import HOUR, due_after, hours_of
from blocks.providers.aws.emulator.endpoints import Endpoints
from blocks.providers.aws.emulator.listing import listed
from blocks.providers.aws.emulator.monitor_definitions import JobDefinitions, hours_before
from blocks.providers.aws.emulator.monitor_jobs import to_processing_job
from blocks.providers.aws.emulator.processing import ProcessingJobs
from blocks.providers.aws.emulator.refusals import AwsError
from blocks.providers.aws.emulator.world import World

Answer = dict[str, Any]
_LOOK_EVERY = 0.05  # of our own seconds
_OF_ONE = ("MonitoringScheduleName", "EndpointName")  # by which looks are chosen already
_WITH = "CompletedWithViolations"


@dataclass(slots=True, kw_only=True)
class Execution:
    """One look of a schedule. Without a job, it failed for that reason."""

    due: float
    created: float
    definition: str
    job: str = ""
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class Schedule:
    """A schedule. Guarded by the world's lock."""

    name: str
    arn: str
    config: Answer
    endpoint: str
    created: float
    changed: float
    hours: frozenset[int]
    due: float
    executions: list[Execution] = field(default_factory=list)


class Monitoring:
    """CreateMonitoringSchedule and its kin, and the thread that looks."""

    def __init__(self, world: World, endpoints: Endpoints, jobs: ProcessingJobs) -> None:
        self._world, self._endpoints, self._jobs = world, endpoints, jobs
        self._definitions = JobDefinitions(world)
        self._definitions.in_use = self._uses
        self._known: dict[str, Schedule] = {}
        self._began = False

    def handlers(self) -> Mapping[str, Callable[[Answer], Answer]]:
        """Return what answers an operation, by its name."""
        return {
            **self._definitions.handlers(),
            "CreateMonitoringSchedule": self.create,
            "UpdateMonitoringSchedule": self.update,
            "DescribeMonitoringSchedule": self.describe,
            "ListMonitoringSchedules": self.list,
            "DeleteMonitoringSchedule": self.delete,
            "ListMonitoringExecutions": self.executions,
        }

    def create(self, asked: Answer) -> Answer:
        """Begin to look at an endpoint; the name is unique."""
        name, world = asked["MonitoringScheduleName"], self._world
        arn = world.arn("monitoring-schedule", name)
        if name in self._known:
            raise AwsError("ResourceInUse", f"Monitoring schedule already exists: {arn}")
        config, now = asked["MonitoringScheduleConfig"], world.clock.now()
        endpoint, hours = self._checked(config)
        self._known[name] = Schedule(
            name=name,
            arn=arn,
            config=config,
            endpoint=endpoint,
            created=now,
            changed=now,
            hours=hours,
            due=due_after(now, hours),
        )
        world.tag(arn, asked.get("Tags"))
        if not self._began:
            self._began = True
            threading.Thread(target=self._run, daemon=True).start()
        return {"MonitoringScheduleArn": arn}

    def update(self, asked: Answer) -> Answer:
        """Let a schedule be another one; its looks stay."""
        found, config = self._of(asked), asked["MonitoringScheduleConfig"]
        found.endpoint, found.hours = self._checked(config)
        found.config, found.changed = config, self._world.clock.now()
        found.due = due_after(found.changed, found.hours)
        return {"MonitoringScheduleArn": found.arn}

    def describe(self, asked: Answer) -> Answer:
        """Tell of a schedule."""
        found = self._of(asked)
        last = self._told(found, found.executions[-1]) if found.executions else None
        return {
            **self._summary(found),
            "MonitoringScheduleConfig": found.config,
            "LastMonitoringExecutionSummary": last,
        }

    def list(self, asked: Answer) -> Answer:
        """List schedules."""
        found = [
            self._summary(each)
            for each in self._known.values()
            if asked.get("EndpointName", each.endpoint) == each.endpoint
        ]
        some, token = listed(found, asked, "MonitoringSchedule", also=("EndpointName",))
        return {"MonitoringScheduleSummaries": some, "NextToken": token}

    def delete(self, asked: Answer) -> Answer:
        """Look no more. A look that is on its way has to end first."""
        found = self._of(asked)
        states = {self._state(each)[0] for each in found.executions}
        if states & {"InProgress", "Stopping"}:
            told = "Cannot delete a monitoring schedule with an execution in progress."
            raise AwsError("ValidationException", told)
        del self._known[found.name]
        return {}

    def executions(self, asked: Answer) -> Answer:
        """List looks, the newest first."""
        found = [
            self._told(schedule, each)
            for schedule in self._known.values()
            if asked.get("MonitoringScheduleName", schedule.name) == schedule.name
            and asked.get("EndpointName", schedule.endpoint) == schedule.endpoint
            for each in schedule.executions
        ]
        some, token = listed(
            found, asked, "MonitoringExecution", also=_OF_ONE, usually="ScheduledTime"
        )
        return {"MonitoringExecutionSummaries": some, "NextToken": token}

    def _checked(self, config: Answer) -> tuple[str, frozenset[int]]:
        """Return endpoint and hours of a schedule. Raises AwsError for one that cannot be."""
        if "MonitoringJobDefinitionName" not in config or "ScheduleConfig" not in config:
            told = "emulated is a schedule of a data quality job definition alone"
            raise AwsError("UnknownOperationException", told, 501)
        if config.get("MonitoringType") != "DataQuality":
            raise AwsError("ValidationException", "MonitoringType must be DataQuality")
        definition = self._definitions.of(config["MonitoringJobDefinitionName"])
        name = definition["DataQualityJobInput"]["EndpointInput"]["EndpointName"]
        if self._endpoints.find(name) is None:
            arn = self._world.arn("endpoint", name)
            raise AwsError("ValidationException", f'Could not find endpoint "{arn}".')
        if not (self._endpoints.capture_of(name) or {}).get("EnableCapture"):
            raise AwsError("ValidationException", f"Data capture is not enabled for {name}.")
        return name, hours_of(config["ScheduleConfig"]["ScheduleExpression"])

    def _run(self) -> None:
        while not self._world.closing.wait(_LOOK_EVERY):
            with self._world.lock:
                for schedule in list(self._known.values()):
                    while schedule.due <= self._world.clock.now():
                        schedule.executions.append(self._look(schedule, schedule.due))
                        schedule.due = due_after(schedule.due, schedule.hours)

    def _look(self, schedule: Schedule, due: float) -> Execution:
        """Begin to look at the hours before it was due."""
        name = schedule.config["MonitoringJobDefinitionName"]
        definition = self._definitions.of(name)
        look = Execution(due=due, created=self._world.clock.now(), definition=name)
        config = self._endpoints.capture_of(schedule.endpoint)
        source = definition["DataQualityJobInput"]["EndpointInput"]
        since, until = (
            due - HOUR * hours_before(source, word, usual)
            for word, usual in (("StartTimeOffset", 1), ("EndTimeOffset", 0))
        )
        folder = folder_of(config, schedule.endpoint) if config else ""
        folders = self._captured(folder, since, until)
        if not folders:
            look.reason = f'No S3 objects found under S3 URL "{folder}" given in input data source.'
            return look
        look.job = f"model-monitoring-{_at(due):%Y%m%d%H%M}-{uuid.uuid4().hex[:24]}"
        place = f"{schedule.endpoint}/{schedule.name}/{_at(due):%Y/%m/%d/%H}"
        self._jobs.create(
            to_processing_job(look.job, definition, folder, folders, place, times=(since, until))
        )
        return look

    def _captured(self, folder: str, since: float, until: float) -> set[str]:
        """Return the folders of those hours that hold something."""
        hours = {f"{_at(each):%Y/%m/%d/%H}" for each in range(int(since), int(until), HOUR)}
        found = set()
        for uri in self._world.objects.walk(f"{folder}/") if folder else ():
            variant, _, rest = uri.removeprefix(f"{folder}/").partition("/")
            if rest[:13] in hours:
                found.add(f"{variant}/{rest[:13]}")
        return found

    def _state(self, look: Execution) -> tuple[str, str | None]:
        if not look.job:
            return "Failed", look.reason
        told = self._jobs.describe({"ProcessingJobName": look.job})
        state = str(told["ProcessingJobStatus"])
        if state == "Completed" and (told["ExitMessage"] or "").startswith(_WITH):
            return _WITH, None
        return state, told["FailureReason"]

    def _told(self, schedule: Schedule, look: Execution) -> Answer:
        state, reason = self._state(look)
        told = {
            "MonitoringScheduleName": schedule.name,
            "ScheduledTime": look.due,
            "CreationTime": look.created,
            "LastModifiedTime": look.created,
            "MonitoringExecutionStatus": state,
            "EndpointName": schedule.endpoint,
            "MonitoringJobDefinitionName": look.definition,
            "MonitoringType": "DataQuality",
        }
        if look.job:
            told["ProcessingJobArn"] = self._world.arn("processing-job", look.job)
        return {**told, **({"FailureReason": reason} if reason else {})}

    def _summary(self, schedule: Schedule) -> Answer:
        ready = schedule.created + self._world.settings.provisioning
        waits = self._world.clock.now() < ready
        return {
            "MonitoringScheduleName": schedule.name,
            "MonitoringScheduleArn": schedule.arn,
            "MonitoringScheduleStatus": "Pending" if waits else "Scheduled",
            "MonitoringType": "DataQuality",
            "CreationTime": schedule.created,
            "LastModifiedTime": schedule.changed,
            "EndpointName": schedule.endpoint,
        }

    def _of(self, asked: Answer) -> Schedule:
        name = asked["MonitoringScheduleName"]
        if name not in self._known:
            arn = self._world.arn("monitoring-schedule", name)
            raise AwsError("ResourceNotFound", f"Monitoring Schedule {arn} not found")
        return self._known[name]

    def _uses(self, definition: str) -> bool:
        word = "MonitoringJobDefinitionName"
        return any(each.config[word] == definition for each in self._known.values())


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
