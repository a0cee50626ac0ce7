"""``bluewater audit``: who moved what, and why; and whether that is what was written."""

from __future__ import annotations

from itertools import islice

import click

from blocks.contracts import ObjectStore
from flows.exits import Exit
from flows.session import platform
from flows.terminal import exits, show, warn
from tasks.audit.entries import Line
from tasks.audit.log import AuditLog
from tasks.audit.verify import Verdict, verify


@exits()
def run(*, check: bool, head: str, newest: int, platform_name: str | None, as_json: bool) -> Exit:
    """Show the newest lines, or check all of them. Ends with 11 if something was changed."""
    log = AuditLog(platform(platform_name).connect(ObjectStore))
    if not check and not head:
        rows = [_row(line) for line in islice(log.back(), newest)]
        show(rows, title="Audit log, newest first" if rows else "Nothing yet", as_json=as_json)
        return Exit.OK
    verdict = verify(log, head=head)
    if as_json:
        click.echo(verdict.model_dump_json(indent=2))
    else:
        _tell(verdict)
    return Exit.TAMPERED if verdict.problems else Exit.OK


def _row(line: Line) -> dict[str, str]:
    deed = line.deed
    return {
        "line": str(line.number),
        "at": f"{deed.at:%Y-%m-%d %H:%M:%S}",
        "act": deed.act.value,
        "subject": deed.subject,
        "what": deed.what,
        "who": deed.who,
        "why": deed.why,
        "run": deed.run,
    }


def _tell(verdict: Verdict) -> None:
    for problem in verdict.problems:
        warn("changed", problem)
    if not verdict.problems:
        click.echo(f"{verdict.lines} lines, all as they were written")
    click.echo(f"keep this elsewhere, for --head: {verdict.head}")
