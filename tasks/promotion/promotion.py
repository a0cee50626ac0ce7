"""Move an alias, and take it back: compare-and-set over what was seen."""

from __future__ import annotations

from collections.abc import Sequence

from blocks.contracts import Frozen, ModelRegistry, ModelVersion, Promotion


class NoVersionBefore(Exception):
    """There is no version to return to."""


class Promoted(Frozen):
    """Where an alias points, and where it pointed when the caller looked."""

    alias: str
    version: ModelVersion
    replaced: ModelVersion | None = None

    @property
    def moved(self) -> bool:
        """Whether that is another version than before."""
        return self.replaced != self.version


def champion(models: ModelRegistry, name: str, alias: str) -> ModelVersion | None:
    """Return the version that a new one has to beat; None if there is none yet."""
    return models.resolve(name, alias)


def promote_to_champion(
    models: ModelRegistry,
    model: ModelVersion,
    alias: str,
    *,
    beaten: ModelVersion | None,
    by: str,
) -> Promoted:
    """Point the alias at ``model``, if it still points at the version that it was compared with.

    May be repeated. Raises Conflict, with the name of who was first, if another version took the
    place meanwhile: the comparison was with a champion that is none any more.
    """
    models.promote(model, alias, replacing=beaten, by=by)
    return Promoted(alias=alias, version=model, replaced=beaten)


def planned_return(models: ModelRegistry, name: str, alias: str) -> Promoted:
    """Say where a return would go. Raises NoVersionBefore."""
    now, back = models.resolve(name, alias), previous(models, name, alias)
    if now is None or back is None:
        raise NoVersionBefore(
            f"alias {alias!r} of {name!r} never pointed at another version that still counts; "
            "register and promote one, or name a version"
        )
    return Promoted(alias=alias, version=back, replaced=now)


def return_to_previous(models: ModelRegistry, planned: Promoted, *, by: str) -> Promoted:
    """Carry a return out. May be repeated with the same plan. Raises Conflict if it moved."""
    models.promote(planned.version, planned.alias, replacing=planned.replaced, by=by)
    return planned


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
