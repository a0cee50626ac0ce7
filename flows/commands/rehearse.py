"""``bluewater rehearse``: play a release against an emulated provider."""

from __future__ import annotations

from pathlib import Path

import click

from blocks.contracts import InvalidRequest, Unsupported
from flows.commands.release import ENDS, tell
from flows.exits import Exit
from flows.rehearsal import RehearsalReport, player, rehearse
from flows.terminal import console, exits, show


@exits(*ENDS, (InvalidRequest, Exit.USAGE), (Unsupported, Exit.USAGE))
def run(
    *,
    specification: Path,
    provider: str,
    faults: tuple[str, ...],
    spot_trace: Path | None,
    permissions: Path | None,
    per_second: float,
    as_written: bool,
    list_faults: bool,
    changes: tuple[str, ...],
    as_json: bool,
) -> Exit:
    """Release twice on an emulated provider; tell what was called, what went wrong, what is left.

    Ends with 1 if anything runs on after it was taken down.
    """
    if list_faults:
        rows = [{"fault": name, "what": what} for name, what in player(provider).faults.items()]
        show(rows, title=f"Faults of {provider}", as_json=as_json)
        return Exit.OK
    report = rehearse(
        provider,
        specification,
        changes=changes,
        faults=faults,
        spot_trace=spot_trace,
        permissions=permissions,
        per_second=per_second,
        short=not as_written,
    )
    if as_json:
        click.echo(report.model_dump_json(indent=2))
    else:
        _tell(report)
    if report.left:
        return Exit.ERROR
    return Exit.OK if report.release.rollout.live else Exit.RETURNED


def _tell(report: RehearsalReport) -> None:
    tell(report.release)
    if report.calls:
        title = f"Calls of {report.provider}, both releases"
        show([call.model_dump() for call in report.calls], title=title, as_json=False)
    if report.faults:
        rows = [{"fault": name, "happened": times} for name, times in report.faults.items()]
        show(rows, title="Faults that were met", as_json=False)
    cost = report.release.training.cost
    money = f"{cost.amount:.4f} {cost.currency} ({cost.basis})" if cost else "unknown"
    answers = ", ".join(f"{count:,} with {status}" for status, count in report.answers.items())
    left = ", ".join(report.left) or "nothing"
    console.print(f"training would have cost {money}", highlight=False)
    console.print(f"requests in the second release were answered: {answers}", highlight=False)
    console.print(f"taken down: {report.removed} resources; left over: {left}", highlight=False)
