"""Which packages an extra of this distribution takes, and which of them are not here."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement

DISTRIBUTION = "bluewater"


def missing(extra: str) -> list[str]:
    """Return what has to be installed, or renewed, before ``bluewater[extra]`` is whole.

    Nothing is imported. Extras that an extra takes itself are followed.
    """
    found = []
    for line in requires(DISTRIBUTION) or ():
        wanted = Requirement(line)
        if not _is_of(wanted, extra):
            continue
        if wanted.name == DISTRIBUTION:
            found += [each for nested in sorted(wanted.extras) for each in missing(nested)]
        elif not _is_here(wanted):
            found.append(f"{wanted.name}{wanted.specifier}")
    return found


def _is_of(wanted: Requirement, extra: str) -> bool:
    marker = wanted.marker
    if marker is None or marker.evaluate({"extra": ""}):
        return False  # everybody has it
    return marker.evaluate({"extra": extra})


def _is_here(wanted: Requirement) -> bool:
    try:
        return wanted.specifier.contains(version(wanted.name), prereleases=True)
    except PackageNotFoundError:
        return False
