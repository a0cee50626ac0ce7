"""What a label is: the truth of two classes, of several, or a quantity; and whether it can be one.

Told from the values themselves, so that a specification need not say what anybody can see, and
refused where two readings are possible or none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tasks.data import ProblemType

MOST = 1_000  # classes; a column with more values is a number or a name, not a class
SAY = "say data.problem_type: multiclass or regression"
TRUTH = f"name a column of 0 and 1 without gaps; for several classes or a quantity {SAY}"


class BadLabel(ValueError):
    """A column cannot be the truth that it is taken for; ``remedy`` says what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a label is, and its classes in order where it has several."""

    problem_type: ProblemType
    classes: tuple[str, ...] = ()

    def truth(self, values: Iterable[Any]) -> np.ndarray:
        """Return the truth (rows,): numbers; of several classes the place of each among them.

        Raises BadLabel for a value that no label of this kind has.
        """
        if self.problem_type is not ProblemType.MULTICLASS:
            found = np.asarray(values)
            if self.problem_type is ProblemType.REGRESSION:
                return found.astype(np.float64)
            if not np.isin(found, (0, 1)).all():
                raise BadLabel("other values than 0 and 1", TRUTH)
            return found.astype(np.int64)
        places = {name: place for place, name in enumerate(self.classes)}
        try:
            return np.array([places[class_name(value)] for value in values], dtype=np.int64)
        except KeyError as error:
            raise BadLabel(
                f"the class {error.args[0]!r}, which the held-out rows lack",
                "put rows of each class into data.holdout",
            ) from error


BINARY = Label(problem_type=ProblemType.BINARY)


def class_name(value: Any) -> str:
    """Return the name of a class: whole numbers are the same one as an integer and as a float."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def label_from(chunks: Iterable[pa.Array], asked: ProblemType | None) -> Label:
    """Return what the values of a column make it; they are read once, in constant memory.

    Raises BadLabel where they cannot be the truth of what is ``asked``, or of anything.
    """
    seen = _Seen()
    for chunk in chunks:
        seen.add(chunk)
    if seen.missing:
        raise BadLabel("rows without a value", "leave those rows out")
    kind = asked or _told(seen)
    if kind is ProblemType.REGRESSION:
        _require_quantity(seen)
        return Label(problem_type=kind)
    if kind is ProblemType.MULTICLASS:
        return Label(problem_type=kind, classes=_classes(seen))
    if seen.other or seen.text or seen.fractions or not seen.values <= {0, 1}:
        raise BadLabel(seen.words, TRUTH)
    return Label(problem_type=ProblemType.BINARY)


@dataclass(slots=True)
class _Seen:
    """What is known of a column after some of it."""

    values: set[Any] = field(default_factory=set)  # up to a few more than may be classes
    text: bool = False
    fractions: bool = False
    missing: bool = False
    infinite: bool = False
    other: str = ""  # a type that is no label at all

    def add(self, chunk: pa.Array) -> None:
        if pa.types.is_dictionary(chunk.type):
            chunk = chunk.cast(chunk.type.value_type)
        kind = chunk.type
        if pa.types.is_decimal(kind):
            chunk = chunk.cast(pa.float64())
        self.text |= pa.types.is_string(kind) or pa.types.is_large_string(kind)
        if not self.text and not _is_number(chunk.type):
            self.other = str(kind)
            return
        numbers = np.empty(0) if self.text else chunk.drop_null().to_numpy(zero_copy_only=False)
        floats = numbers.astype(np.float64)
        self.missing |= bool(chunk.null_count or np.isnan(floats).any())
        self.infinite |= bool(np.isinf(floats).any())
        finite = floats[np.isfinite(floats)]
        self.fractions |= bool((finite != np.floor(finite)).any())
        if len(self.values) <= MOST:
            self.values.update(pc.unique(chunk.drop_null()).to_pylist())

    @property
    def words(self) -> str:
        """What is in it, for people."""
        if self.other or self.text:
            return f"values of type {self.other or 'text'}"
        if not self.values:
            return "no rows"
        return f"values from {min(self.values)} to {max(self.values)}"


def _is_number(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    )


def _told(seen: _Seen) -> ProblemType:
    if seen.other:
        raise BadLabel(seen.words, TRUTH)
    if seen.text:
        return ProblemType.MULTICLASS
    within = bool(seen.values) and min(seen.values) >= 0 and max(seen.values) <= 1
    if within and not seen.fractions:
        return ProblemType.BINARY
    if seen.fractions and not within:
        return ProblemType.REGRESSION
    what = "fractions of 0 to 1" if within else f"whole numbers, {seen.words}"
    raise BadLabel(f"{what}, which may be one thing or another", SAY)


def _require_quantity(seen: _Seen) -> None:
    remedy = "name a column of numbers that differ"
    if seen.text or seen.other:
        raise BadLabel(seen.words, remedy)
    if seen.infinite:
        raise BadLabel("values that are not finite", "leave those rows out, or put a limit there")
    if len(seen.values) < 2:
        raise BadLabel(f"one value alone, {next(iter(seen.values), 'none')}", remedy)


def _classes(seen: _Seen) -> tuple[str, ...]:
    if seen.fractions or seen.other:
        raise BadLabel(seen.words, "name a column of texts or whole numbers, or a quantity")
    if len(seen.values) > MOST:
        raise BadLabel(f"more than {MOST} classes", "name a column of classes, or a quantity")
    names = tuple(class_name(each) for each in sorted(seen.values))
    alike: dict[str, str] = {}
    for name in names:
        if (twin := alike.setdefault(name.strip().casefold(), name)) != name:
            raise BadLabel(f"both {twin!r} and {name!r}", "write each class in one way")
    if len(names) < 3:
        raise BadLabel(
            f"{len(names)} classes ({', '.join(names)})",
            "of two classes make a column of 0 and 1; of one there is nothing to learn",
        )
    return names
