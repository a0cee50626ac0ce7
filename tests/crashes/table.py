"""The table of what became of releases whose processes were killed, and how it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from blocks.contracts import Frozen

KILLED = (
    "the flow",
    "the worker",
    "the Prefect server",
    "the router",
    "the model servers",
    "the MLflow server",
)
STAGES = ("validate", "train", "evaluate", "register", "deploy", "step", "next step", "live")

LEGEND = """\
Written by `python -m tests.crashes`, tried by `tests/chains/test_crashes.py`. A process gets
SIGKILL in every stage of a real release: one release a row, which meets all kills of the row.
What died is started again at once, as `bluewater up`, a supervisor or the cloud does it. One cell
alone: `python -m tests.crashes --platform gcp --killed "the worker" --stage deploy`.

- **survived**: the release came to its end as if nothing had happened: one job, one version, the
  endpoint and the registry's alias at the new version, nothing else left.
- **survived\\***: so it did, after the same command was run again (a deployment: by the server);
  the kill, or what it took away, had ended the flow's process.
- **refused**: the new version was taken back; the endpoint and the alias are at the version before.
- **lost**: anything else. There must be none.

Counts are the provider's own: training jobs that were ever made for the releases of the row, their
versions in the registry; variants on the endpoint and live model servers at the end, where these
do not come and go with requests. The MLflow server is killed on a platform whose models are
registered there and which is the same else; on other rows of a cloud, its own registry is used.
"""

NONE = "none"


class Outcome(StrEnum):
    """What became of a release."""

    SURVIVED = "survived"
    REFUSED = "refused"
    LOST = "lost"


class Kill(Frozen):
    """One process was killed in one stage."""

    stage: str
    outcome: Outcome
    again: bool = False  # the command had to be run again
    why: str = ""


class Counts(Frozen):
    """What a provider holds, as it says itself."""

    jobs: int
    versions: int
    variants: int
    servers: int

    def since(self, before: Counts) -> Counts:
        """Return what was made since; variants and servers are those of now."""
        return self.model_copy(
            update={"jobs": self.jobs - before.jobs, "versions": self.versions - before.versions}
        )


class Row(Frozen):
    """One kind of process, killed in every stage."""

    killed: str
    kills: tuple[Kill, ...]
    releases: int
    counts: Counts
    on: str = ""  # which day, machine and versions
    took: str = ""  # how long, and how busy the machine was


class Platform(Frozen):
    """One platform, and what was left on it after it was taken down."""

    name: str
    rows: tuple[Row, ...]
    none_here: Mapping[str, str] = {}  # kinds of process that are not ours here, and why
    left: tuple[str, ...] | None  # after it was taken down; None: it was not yet


class Seen(Frozen):
    """What was seen on each platform, the last time that it was played."""

    platforms: tuple[Platform, ...] = ()

    def with_platform(self, platform: Platform) -> Seen:
        """Return it with the rows of one platform that were seen now; its others stay."""
        others = {each.name: each for each in self.platforms}
        before = others.get(platform.name)
        if before is not None:
            rows = {row.killed: row for row in (*before.rows, *platform.rows)}
            none_here = {**before.none_here, **platform.none_here}
            update = {"rows": tuple(rows.values()), "none_here": none_here}
            platform = platform.model_copy(update=update)
        return Seen(platforms=tuple({**others, platform.name: platform}.values()))


def lost(platforms: Iterable[Platform], stages: Sequence[str] = STAGES) -> list[str]:
    """Return whatever must not be, in words; every row was to be killed in these stages."""
    found = []
    for platform in platforms:
        found += [f"{platform.name}: {each} was left" for each in platform.left or ()]
        for row in platform.rows:
            found += [
                f"{platform.name}: {row.killed} killed in {kill.stage}: {kill.why}"
                for kill in row.kills
                if kill.outcome is Outcome.LOST
            ]
            if missing := set(stages) - {kill.stage for kill in row.kills}:
                found.append(f"{platform.name}: {row.killed} was not killed in {sorted(missing)}")
    return found


def to_markdown(platforms: Sequence[Platform]) -> str:
    """Return the page."""
    parts = ["# What dies, and what becomes of the release", LEGEND]
    for platform in platforms:
        parts += [f"## {platform.name}", _table(platform), *_played(platform)]
        if platform.left is not None:
            left = ", ".join(platform.left) or "nothing"
            parts.append(f"After `bluewater down --yes` there was left: {left}.")
        parts += _reasons(platform)
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _table(platform: Platform) -> str:
    head = ["killed", *STAGES, "releases", "jobs", "versions", "variants", "model servers"]
    lines = [head, ["---"] * (1 + len(STAGES)) + ["---:"] * 5]
    rows = {row.killed: _cells(row) for row in platform.rows}
    empty = [""] * 5
    for name in dict.fromkeys((*KILLED, *rows)):
        if why := platform.none_here.get(name):
            lines.append([f"{name}: none of ours, {why}", *([NONE] * len(STAGES)), *empty])
        elif name in rows:
            lines.append([name, *rows[name]])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(row: Row) -> list[str]:
    kills, counts = {kill.stage: kill for kill in row.kills}, row.counts
    numbers = (row.releases, counts.jobs, counts.versions, counts.variants, counts.servers)
    return [*(_word(kills.get(stage)) for stage in STAGES), *map(str, numbers)]


def _word(kill: Kill | None) -> str:
    if kill is None:
        return "-"
    if kill.outcome is Outcome.LOST:
        return "**LOST**"
    return f"{kill.outcome}{'*' if kill.again else ''}"


def _played(platform: Platform) -> list[str]:
    """Return when and where the rows were played, those of one machine and day together."""
    order = sorted(platform.rows, key=lambda row: KILLED.index(row.killed))
    places: dict[str, list[str]] = {}
    for row in order:
        took = f" ({row.took})" if row.took else ""
        places.setdefault(row.on, []).append(f"{row.killed}{took}")
    told = [f"Played on {on}: {'; '.join(rows)}." for on, rows in places.items() if on]
    known = {*platform.none_here, *(row.killed for row in order)}
    left_out = [name for name in KILLED if name not in known]
    return [*told, *([f"Not played here: {', '.join(left_out)}."] if left_out else [])]


def _reasons(platform: Platform) -> list[str]:
    told = [
        f"- {row.killed}, {kill.stage}: {kill.why.splitlines()[0]}"
        for row in platform.rows
        for kill in row.kills
        if kill.why
    ]
    return ["\n".join(told)] if told else []
