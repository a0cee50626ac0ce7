"""How a rollout went, for the flow and for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from blocks.contracts import Frozen, ModelVersion
from tasks.rollout.journal import Entry, Event


class Outcome(StrEnum):
    """Who has the endpoint at the end."""

    LIVE = "live"  # the new version
    RETURNED = "returned"  # the version before


class RolloutReport(Frozen):
    """How a rollout ended, and why."""

    endpoint: str
    url: str
    model: ModelVersion
    outcome: Outcome
    why: str
    journal: tuple[Entry, ...]
    seconds_to_return: float | None = None  # from the verdict to the last request on green
    plot_uri: str = ""

    @property
    def live(self) -> bool:
        """Whether the new version has the endpoint."""
        return self.outcome is Outcome.LIVE

    @property
    def title(self) -> str:
        """How it ended, as a sentence."""
        ended = {Outcome.LIVE: "is live on", Outcome.RETURNED: "was taken back from"}[self.outcome]
        title = f"Version {self.model.version} of {self.model.name} {ended} {self.endpoint}"
        return f"{title}: {self.why}" if self.why else title

    def markdown(self) -> str:
        """Return the report as one page; reasons stand below the table, where lines break."""
        rows = self.table()
        names = [name for name in rows[0] if name != "why"]
        cells = [names, ["---"] * len(names), *([row[name] for name in names] for row in rows)]
        table = "\n".join(f"| {' | '.join(row)} |" for row in cells)
        reasons = "\n".join(
            f"- after {row['after']}, **{row['event']}** {row['green']}: {row['why']}"
            for row in rows
            if row["why"]
        )
        plot = [f"![looks]({self.plot_uri})"] if self.plot_uri else []
        return "\n\n".join([f"# {self.title}", table, *filter(None, [reasons]), *plot])

    def table(self) -> list[dict[str, str]]:
        """Return one row per entry of the journal, for people."""
        began = self.journal[0].at if self.journal else None
        return [_row(entry, began) for entry in self.journal]


def to_report(
    entries: Sequence[Entry], *, url: str, model: ModelVersion, plot_uri: str = ""
) -> RolloutReport:
    """Return the report of a rollout that has come to its end."""
    last = entries[-1]
    returning = [entry for entry in entries if entry.event is Event.RETURNING]
    returned = last.event is Event.RETURNED
    return RolloutReport(
        endpoint=entries[0].green.endpoint if entries[0].green else "",
        url=url,
        model=model,
        outcome=Outcome.RETURNED if returned else Outcome.LIVE,
        why=returning[-1].why if returning else last.why,
        journal=tuple(entries),
        seconds_to_return=(last.at - returning[0].at).total_seconds() if returned else None,
        plot_uri=plot_uri,
    )


def _row(entry: Entry, began: datetime | None) -> dict[str, str]:
    return {
        "after": f"{(entry.at - began).total_seconds():.0f} s" if began else "",
        "event": entry.event.value,
        "green": "" if entry.percent is None else f"{entry.percent} %",
        "why": entry.why,
    }
