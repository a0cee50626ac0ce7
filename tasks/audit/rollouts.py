"""What the journal of an endpoint says, in the words of the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tasks.audit.entries import Act, Deed
from tasks.rollout.journal import Entry, Event

ACTS: Mapping[Event, Act] = {
    Event.BEGUN: Act.DEPLOY,
    Event.SHADOW: Act.SHIFT,
    Event.STEP: Act.SHIFT,
    Event.LIVE: Act.PROMOTION,
    Event.RETURNING: Act.RETURN,
    Event.RETURNED: Act.RETURN,
    Event.FINISHED: Act.RETIRE,
}
"""What changes something; that green is ready, or that another process goes on, does not."""


def deeds_of(endpoint: str, entries: Iterable[Entry]) -> Iterator[Deed]:
    """Yield the deeds of one rollout's entries, from BEGUN on."""
    begun: Entry | None = None
    for entry in entries:
        begun = entry if entry.event is Event.BEGUN else begun
        if (act := ACTS.get(entry.event)) is not None:
            yield Deed(
                id=f"rollout/{endpoint}/{entry.number}",
                act=act,
                subject=endpoint,
                what=_what(entry, begun),
                who=entry.by,
                why=entry.why,
                run=entry.run,
                at=entry.at,
            )


def _what(entry: Entry, begun: Entry | None) -> str:
    green = begun.green if begun else None
    name = green.variant if green else "the new version"
    blue = (begun.blue if begun else None) or "nothing"
    words = {
        Event.BEGUN: f"{name} is deployed beside {blue}",
        Event.SHADOW: f"{name} gets copies of requests",
        Event.STEP: f"{name} gets {entry.percent} % of the traffic",
        Event.LIVE: f"{begun.alias if begun else 'the alias'} names the model of {name}",
        Event.RETURNING: f"traffic goes back from {name} to {blue}",
        Event.RETURNED: f"{blue} has all traffic, {name} is gone",
        Event.FINISHED: f"{name} has all traffic, {blue} is gone",
    }
    return words[entry.event]
