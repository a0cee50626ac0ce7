"""Which version an alias names, which one it named before, and whether that is still so."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.contracts import ModelRegistry, ModelVersion, Promotion


class ChampionMoved(Exception):
    """The champion that a challenger was compared with is none any more."""


def require_champion(models: ModelRegistry, name: str, alias: str, *, beaten: str) -> None:
    """Raise ChampionMoved unless the alias still names the version that was beaten; empty = none.

    Two releases that run at once compare with the same champion. Whoever comes second would take
    the place of a version it was never compared with.
    """
    now = models.resolve(name, alias)
    found = now.version if now else ""
    if found == beaten:
        return
    moves = [move for move in models.history(name, alias) if move.version == found]
    who = f", moved there by {moves[-1].by or 'an unnamed run'}" if moves else ""
    raise ChampionMoved(
        f"alias {alias!r} of {name!r} names {_named(found)}{who}; the evaluation compared with "
        f"{_named(beaten)}; release again to compare with what serves now"
    )


def previous(models: ModelRegistry, name: str, alias: str) -> ModelVersion | None:
    """Return the version to which a return goes; versions that were removed since are skipped."""
    for version in reversed(standing(models.history(name, alias))[:-1]):
        if (found := models.find(name, version)) is not None:
            return found
    return None


def standing(history: Sequence[Promotion]) -> list[str]:
    """Return the versions that were promoted and not taken back, the present one last.

    Going back to an earlier version takes back all that came after it, so that two returns in a row
    go two versions back, and none goes forward to a version that was found bad.
    """
    versions: list[str] = []
    for move in history:
        if move.version in versions:
            del versions[versions.index(move.version) + 1 :]
        else:
            versions.append(move.version)
    return versions


def _named(version: str) -> str:
    return f"version {version}" if version else "no version"
