"""A model version for people: where it came from, what it showed, where it is."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.contracts import ModelVersion, Promotion


def card(version: ModelVersion, alias: str, *, before: ModelVersion | None) -> str:
    """Return a page about the version that an alias means, compared with the one before."""
    lines = [f"# {version.name}, version {version.version}: {alias}", ""]
    if before is not None:
        lines += [f"It took the place of version {before.version}.", ""]
    known = dict(before.metrics) if before is not None else {}
    lines += ["| metric | this version | the one before |", "|---|---:|---:|"]
    lines += [
        f"| {_cell(name)} | {value:.4f} | {f'{known[name]:.4f}' if name in known else ''} |"
        for name, value in sorted(version.metrics.items())
    ]
    lines += ["", "| it came from | |", "|---|---|"]
    lines += [f"| {_cell(name)} | `{_cell(text)}` |" for name, text in version.lineage.items()]
    lines += ["", "| kept with it | |", "|---|---|"]
    lines += [f"| {_cell(name)} | `{_cell(uri)}` |" for name, uri in version.evidence.items()]
    lines += ["", f"The folder is `{version.uri}`, sha256 `{version.digest}`."]
    if version.url:
        lines += ["", f"[Open it in the registry]({version.url})"]
    return "\n".join(lines)


def moves(history: Sequence[Promotion]) -> list[dict[str, str]]:
    """Return one row per move of an alias, newest first."""
    return [
        {
            "at": f"{move.at:%Y-%m-%d %H:%M:%S} UTC",
            "version": move.version,
            "replaced": move.replaced or "",
            "by": move.by,
        }
        for move in reversed(history)
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
