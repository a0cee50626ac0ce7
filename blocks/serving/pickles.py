"""What the pickles of a model would run while they load: loading a pickle is running a program.

The digest of a model says that it is the one which was registered, and not that it means well.
picklescan reads what a pickle would import, without loading it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from picklescan.scanner import SafetyLevel, scan_file_path, scan_pickle_bytes

logging.getLogger("picklescan").setLevel(logging.CRITICAL)  # what it cannot read is told by us
KNOWN = frozenset(
    {
        *("numpy", "scipy", "pandas", "pyarrow", "sklearn", "joblib"),
        *("xgboost", "lightgbm", "catboost", "torch", "mlflow"),
        *("datetime", "decimal", "collections", "copyreg", "_codecs"),
    }
)
"""Packages whose objects are what a model is made of."""

HARMLESS = frozenset({"functools.partial", "builtins.object", "builtins.type", "builtins.slice"})
CODE = frozenset({"cloudpickle", "dill"})
"""Packages that put a function's own code into the pickle: it is the model's, as in ``code/``."""

_SUFFIXES = frozenset({".pkl", ".pickle", ".joblib", ".dill", ".npy", ".npz", ".pt", ".pth"})
_PACKED = (b"PK\x03\x04", b"\x93NUMPY")  # zip, as torch writes it, and numpy
_PROTOCOLS = {bytes([0x80, number]) for number in range(2, 6)}


class Danger(StrEnum):
    """What is to be thought of something that a pickle imports."""

    REFUSED = "refused"  # it reaches for the machine: os.system, subprocess, eval
    CODE = "code"  # it brings functions of its own
    UNKNOWN = "unknown"  # a package that is not on the list


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One thing that a pickle would import and may call."""

    file: str
    name: str
    danger: Danger


def imports(folder: Path) -> Iterator[Import]:
    """Yield what the pickles of a model folder import and is not known to be harmless."""
    for file in sorted(each for each in folder.rglob("*") if each.is_file()):
        name = file.relative_to(folder).as_posix()
        found, broken = _scanned(file)
        if broken:
            # joblib puts arrays between the parts of its pickles
            yield Import(file=name, name="what cannot be looked into", danger=Danger.UNKNOWN)
        for module, what, safety in sorted(found):
            danger = _danger(module, what, safety)
            if danger is not None:
                yield Import(file=name, name=f"{module}.{what}", danger=danger)


def _scanned(file: Path) -> tuple[set[tuple[str, str, SafetyLevel]], bool]:
    """Return what a file imports, and whether it is a pickle that could not be read to its end."""
    with file.open("rb") as opened:
        head = opened.read(6)
        opened.seek(0)
        if head[:2] in _PROTOCOLS:  # whatever the file is called
            result = scan_pickle_bytes(opened, file.name)
        elif file.suffix in _SUFFIXES or head.startswith(_PACKED):
            result = scan_file_path(str(file))
        else:
            return set(), False
    found = {(each.module, each.name, each.safety) for each in result.globals}
    return found, bool(result.scan_err)


def _danger(module: str, name: str, safety: SafetyLevel) -> Danger | None:
    package = module.partition(".")[0]
    if package in CODE:
        return Danger.CODE
    if f"{module}.{name}" in HARMLESS:
        return None
    if safety is SafetyLevel.Dangerous:
        return Danger.REFUSED
    if safety is SafetyLevel.Innocuous or package in KNOWN:
        return None
    return Danger.UNKNOWN
