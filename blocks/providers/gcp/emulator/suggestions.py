"""Which values the trials of a study get: at random or from a grid, the same for the same study.

The real service's default is Bayesian optimisation; here it is a random search.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from typing import Any

import grpc
from google.cloud.aiplatform_v1.types import StudySpec

from blocks.providers.gcp.emulator.refusals import GcpError, invalid

Value = float | str
_Scale = StudySpec.ParameterSpec.ScaleType
_KINDS = (
    "double_value_spec",
    "integer_value_spec",
    "categorical_value_spec",
    "discrete_value_spec",
)
_GRID = 10  # points of a range


class Suggestions:
    """The values of each trial, by its number, which begins with 1."""

    def __init__(self, spec: StudySpec, seed: str) -> None:
        self._spec, self._seed = spec, seed
        self._grid: Sequence[tuple[Value, ...]] = ()
        if spec.algorithm == StudySpec.Algorithm.GRID_SEARCH:
            points = [[_at(each, place) for place in _places(each)] for each in spec.parameters]
            self._grid = list(itertools.product(*points))

    def of(self, trial: int) -> dict[str, Value]:
        """Return the values of a trial."""
        names = [each.parameter_id for each in self._spec.parameters]
        if self._grid:
            return dict(zip(names, self._grid[(trial - 1) % len(self._grid)], strict=True))
        chance = random.Random(f"{self._seed}/{trial}")  # noqa: S311 - to be the same again
        values = [_at(each, chance.random()) for each in self._spec.parameters]
        return dict(zip(names, values, strict=True))


def argument(name: str, value: Value) -> str:
    """Return a value as the container gets it."""
    whole = isinstance(value, float) and value.is_integer()
    return f"--{name}={int(value) if whole else value}"


def require_searchable(spec: StudySpec) -> None:
    """Raise what the service says to a study that its messages allow, but its rules do not."""
    if len(spec.metrics) != 1:
        raise invalid("study_spec.metrics: exactly one metric is needed for hyperparameter tuning.")
    names = [each.parameter_id for each in spec.parameters]
    if len(set(names)) < len(names) or any(set(name) & set(" \t\n") for name in names):
        raise invalid("study_spec.parameters: ids must be unique and without whitespace.")
    for each in spec.parameters:
        _require_range(each)
        if each.conditional_parameter_specs:
            raise _not_here("conditional parameters")
    if type(spec).pb(spec).WhichOneof("automated_stopping_spec"):
        raise _not_here("automated stopping")


def _require_range(spec: Any) -> None:
    kind = _kind(spec)
    ends, name = getattr(spec, kind), spec.parameter_id
    if "default_value" in ends:
        raise invalid(f"{name}: default_value is not supported for hyperparameter tuning.")
    if kind == "categorical_value_spec":
        return
    if kind == "discrete_value_spec":
        least, ordered = ends.values[0], list(ends.values) == sorted(set(ends.values))
    else:
        least, ordered = ends.min_value, ends.min_value <= ends.max_value
    if not ordered:
        raise invalid(f"{name}: values must be in increasing order.")
    if spec.scale_type not in (0, _Scale.UNIT_LINEAR_SCALE) and least <= 0:
        raise invalid(f"{name}: the entire feasible space must be strictly positive.")


def _kind(spec: Any) -> str:
    found = next((kind for kind in _KINDS if kind in spec), None)
    if found is None:
        raise invalid(f"{spec.parameter_id}: a parameter_value_spec is required.")
    return found


def _places(spec: Any) -> list[float]:
    """Return where the points of a grid are, from 0 to 1."""
    kind = _kind(spec)
    count = _GRID
    if kind in ("categorical_value_spec", "discrete_value_spec"):
        count = len(getattr(spec, kind).values)
    return [(number + 0.5) / count for number in range(count)]


def _at(spec: Any, place: float) -> Value:
    """Return the value at a place between 0 and 1 of what is feasible."""
    kind = _kind(spec)
    if kind in ("categorical_value_spec", "discrete_value_spec"):
        values = getattr(spec, kind).values
        value: Value = values[min(int(place * len(values)), len(values) - 1)]
        return value
    ends = getattr(spec, kind)
    if kind == "integer_value_spec":
        found = _scaled(spec.scale_type, ends.min_value, ends.max_value + 1, place)
        return float(min(math.floor(found), ends.max_value))
    return _scaled(spec.scale_type, ends.min_value, ends.max_value, place)


def _scaled(scale: int, low: float, high: float, place: float) -> float:
    if scale == _Scale.UNIT_LOG_SCALE:
        return float(low * (high / low) ** place)
    if scale == _Scale.UNIT_REVERSE_LOG_SCALE:
        return float(low + high - low * (high / low) ** (1 - place))
    return float(low + (high - low) * place)


def _not_here(what: str) -> GcpError:
    return GcpError(grpc.StatusCode.UNIMPLEMENTED, f"{what}: not emulated")
