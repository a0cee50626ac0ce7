"""What people see of a run: log lines, tables, pages and progress."""

from __future__ import annotations

import base64
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar, cast
from uuid import UUID

import httpx
from prefect.artifacts import (
    create_link_artifact,
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import Event, RelatedResource, Resource, emit_event
from prefect.logging import get_run_logger

T = TypeVar("T")

RESTART = timedelta(minutes=1)  # a Prefect server that was killed is back in this time
PAUSE = 1.0  # seconds between two tries to show something

Logger = logging.Logger | logging.LoggerAdapter[logging.Logger]


def in_a_run() -> bool:
    """Whether Prefect runs this code as part of a flow."""
    return TaskRunContext.get() is not None or FlowRunContext.get() is not None


def logger() -> Logger:
    """Return the run's logger; without a run, the plain one."""
    return get_run_logger() if in_a_run() else logging.getLogger("bluewater")


def table(key: str, rows: Sequence[Mapping[str, str]], description: str) -> None:
    """Show a table beside the run."""
    if in_a_run():
        told = [dict(row) for row in rows]
        _shown(key, lambda: create_table_artifact(key=key, table=told, description=description))


def page(
    key: str, markdown: str, description: str, *, pictures: Mapping[str, bytes] | None = None
) -> None:
    """Show a page of markdown beside the run.

    ``pictures`` are PNGs by the URI that the page names them with. They travel within the page: a
    browser opens no file of this machine, and no object of a private store.
    """
    if not in_a_run():
        return
    for uri, png in (pictures or {}).items():
        inline = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        markdown = markdown.replace(f"({uri})", f"({inline})")
    _shown(
        key, lambda: create_markdown_artifact(key=key, markdown=markdown, description=description)
    )


def link(key: str, url: str, text: str) -> None:
    """Show a link beside the run."""
    if in_a_run():
        _shown(
            key,
            lambda: create_link_artifact(key=key, link=url, link_text=text, description=text),
        )


def event(name: str, subject: str, payload: Mapping[str, object]) -> None:
    """Emit an event about ``subject`` (``endpoint.<name>``, ...); it may be lost on the way."""
    if in_a_run():
        emit_event(event=name, resource=_resource(subject), payload=dict(payload))


def asking_event(name: str, subject: str, payload: Mapping[str, object], *, once: UUID) -> None:
    """Emit an event that somebody must hear: return when the server has taken it.

    The server drops a second one with the same id ``once`` if it comes within minutes.
    """
    context = FlowRunContext.get()
    if not in_a_run():
        return
    flow_run = context.flow_run if context else None
    run = {
        "prefect.resource.id": f"prefect.flow-run.{flow_run.id if flow_run else ''}",
        "prefect.resource.role": "flow-run",
    }
    made = Event(
        id=once,
        event=name,
        resource=Resource(_resource(subject)),
        related=[RelatedResource(run)] if flow_run else [],
        payload=dict(payload),
    )
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[made.model_dump(mode="json")])


def _resource(subject: str) -> dict[str, str]:
    return {
        "prefect.resource.id": f"bluewater.{subject}",
        "prefect.resource.name": subject.partition(".")[2],
    }


class Progress:
    """A bar beside the run, from 0 to 1. Setting it to what it is already costs nothing."""

    def __init__(self, description: str) -> None:
        self._shown = 0.0
        self._id: UUID | None = None
        if in_a_run():
            made = _shown(
                "progress",
                lambda: create_progress_artifact(progress=0.0, description=description),
                within=timedelta(0),
            )
            self._id = cast(UUID | None, made)

    def set(self, share: float) -> None:
        """Show that ``share`` of the work is done."""
        percent = round(100 * min(max(share, 0.0), 1.0), 1)
        bar = self._id
        if bar is not None and percent != self._shown:
            move = partial(update_progress_artifact, bar, progress=percent)
            _shown("progress", move, within=timedelta(0))
        self._shown = percent


def _shown(what: str, show: Callable[[], T], *, within: timedelta = RESTART) -> T | None:
    """Show it. Where Prefect's server does not answer for so long, the work goes on without."""
    end = time.monotonic() + within.total_seconds()
    while True:
        try:
            return show()
        except httpx.HTTPError as error:
            if time.monotonic() >= end:
                logger().warning("%s is not shown: Prefect's server says %r", what, error)
                return None
        time.sleep(PAUSE)
